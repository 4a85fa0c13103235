"""An answer from memory is the one that would be made now, whatever has changed since."""

from collections.abc import Callable

import pytest
from tests.unit.ml_engine.retrieval.worlds import TENANT, World, random_items, random_model

from backends.ports import ItemCount
from contracts.filters import Filters
from contracts.recommendations import Boost, Context, RecommendationQuery
from ml_engine.domain.recommendation import Answer, RankedItem
from ml_engine.retrieval.answer_cache import AnswerCache
from ml_engine.retrieval.recall import SearchSampler
from ml_engine.retrieval.recommender import Recommender
from ml_engine.retrieval.serving_model import ServingModel
from ml_engine.retrieval.tenant_models import Served

pytestmark = pytest.mark.anyio
ITEMS = 200
QUERY = RecommendationQuery(user_id="ann", num_items=5)


def known_world() -> World:
    items = random_items(ITEMS)
    world = World(items, random_model(ITEMS))
    world.features.met("ann", *(item.item_id for item in items[:6]))
    return world


async def asked(world: World, query: RecommendationQuery = QUERY) -> Answer:
    return await world.recommender.recommend(TENANT, query)


async def made_now(world: World) -> Answer:
    """What somebody answers who remembers nothing."""
    return await Recommender(world.models, world.features, SearchSampler()).recommend(TENANT, QUERY)


async def test_a_question_is_answered_from_memory_the_second_time() -> None:
    world = known_world()
    first, again = await asked(world), await asked(world)
    assert (first.cached, again.cached) == (False, True)
    assert again.items == first.items
    assert (again.model_version, again.algorithm) == (first.model_version, first.algorithm)
    assert [stage.name for stage in again.stages] == [
        "recommendation_pipeline",
        "feature_enrichment",
        "candidate_filtering",
    ]
    assert (again.encoded, again.index, again.vectors_found) == (None, None, 0)


async def test_users_of_whom_nothing_is_known_share_an_answer() -> None:
    world = known_world()
    await asked(world, RecommendationQuery(user_id="nobody"))
    assert (await asked(world, RecommendationQuery(user_id="another"))).cached


def _later(world: World, _: Answer) -> None:
    history = world.features.histories["ann"]
    history[-1] = history[-1]._replace(timestamp_ms=history[-1].timestamp_ms + 86_400_000)


def _another_model(world: World, _: Answer) -> None:
    items = world.features.items
    ids = [item.item_id for item in items]
    model = ServingModel("v2", random_model(ITEMS, seed=1), ids, [item.title for item in items])
    world.models.swap(TENANT, Served(model))


def _other_titles(world: World, _: Answer) -> None:
    for n in range(6):
        world.features.put(f"item-{n}", title="Another")


CHANGES: dict[str, Callable[[World, Answer], None]] = {
    "an event": lambda world, _: world.features.met("ann", "item-77"),
    "an event of an item that was met": lambda world, _: world.features.met("ann", "item-0"),
    "the time of an event": _later,
    "the weight of a type": lambda world, _: world.features.weights.update(view=0.5),
    "an item that cannot be had": lambda world, answer: world.features.put(
        answer.items[0].item_id, available=False
    ),
    "a title that a reason names": _other_titles,
    "a new item": lambda world, _: world.features.put("new", categories=("drama",)),
    "another model": _another_model,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_after_a_change_the_answer_is_made_anew(
    change: Callable[[World, Answer], None],
) -> None:
    world = known_world()
    before = await asked(world)
    change(world, before)
    after = await asked(world)
    assert not after.cached
    assert after.items == (await made_now(world)).items


def test_counts_of_events_change_what_serves_without_a_model() -> None:
    serving = ServingModel()
    before = serving.state
    serving.follow_counts({"item-3": ItemCount(5, 5.0)})
    assert serving.state is not before


@pytest.mark.parametrize(
    "query",
    [
        RecommendationQuery(user_id="ann", num_items=6),
        RecommendationQuery(user_id="ann", num_items=5, exclude=["item-9"]),
        RecommendationQuery(user_id="ann", num_items=5, exclude_seen=False),
        RecommendationQuery(user_id="ann", num_items=5, explain=True),
        RecommendationQuery(user_id="ann", num_items=5, diversity=0.5),
        RecommendationQuery(user_id="ann", num_items=5, filters=Filters(categories=["drama"])),
        RecommendationQuery(
            user_id="ann",
            num_items=5,
            boosts=[Boost(where=Filters(categories=["drama"]), weight=1)],
        ),
        RecommendationQuery(history=[f"item-{n}" for n in range(6)], num_items=5),
        RecommendationQuery(item_id="item-0", num_items=5),
        RecommendationQuery(context=Context(categories=["drama"]), num_items=5),
    ],
)
async def test_another_question_has_another_answer(query: RecommendationQuery) -> None:
    world = known_world()
    await asked(world)
    assert not (await asked(world, query)).cached
    assert (await asked(world, query)).cached


def test_the_answers_that_were_asked_for_longest_ago_go_first() -> None:
    cache = AnswerCache(max_items=8)
    items = [RankedItem("a", 1.0, "popularity"), RankedItem("b", 0.5, "popularity")]
    answer = Answer("v1", "popularity", items)
    for key in ("one", "two"):
        cache.put(key, answer)
    assert cache.get("one") is not None
    cache.put("three", answer)
    assert cache.get("two") is None
    assert cache.get("one") is not None
    assert cache.get("three") is not None
    cache.put("larger than all", Answer("v1", "popularity", items * 5))
    assert cache.get("larger than all") is None
