"""What the options of a query do to its answer, each one and together."""

from collections import Counter

import numpy as np
import pytest
from tests.unit.ml_engine.retrieval.worlds import (
    TENANT,
    World,
    random_items,
    random_model,
    random_two_stage,
    random_weights,
)

from backends.ports import ItemContent, ItemCount
from contracts.recommendations import BatchQuery, RecommendationQuery
from ml_engine.domain.errors import ItemNotFound, NothingToRecommend
from ml_engine.domain.recommendation import Answer, Explained, RankedItem
from ml_engine.retrieval.recommender import USERS_AT_ONCE

pytestmark = pytest.mark.anyio

ITEMS = 400


MODELS = {
    "vectors": random_model,
    "two stages": random_two_stage,
    "scores": random_weights,
    "no model": lambda _: None,
}


@pytest.fixture(params=MODELS)
def world(request: pytest.FixtureRequest) -> World:
    made = World(random_items(ITEMS), MODELS[request.param](ITEMS))
    made.features.met("someone", "item-3", "item-1", "item-4")
    made.features.counts = {f"item-{k}": ItemCount(k % 37, k % 37) for k in range(ITEMS)}
    return made


@pytest.fixture(params=["vectors", "two stages"])
def trained(request: pytest.FixtureRequest) -> World:
    made = World(random_items(ITEMS), MODELS[request.param](ITEMS))
    made.features.met("someone", "item-3", "item-1", "item-4", "item-1")
    return made


async def ask(world: World, **fields: object) -> Answer:
    subject = {} if {"history", "item_id", "context"} & fields.keys() else {"user_id": "someone"}
    query = RecommendationQuery.model_validate(subject | fields)
    return await world.recommender.recommend(TENANT, query)


def ids(answer: Answer) -> list[str]:
    return [item.item_id for item in answer.items]


def explained(item: RankedItem) -> Explained:
    assert item.explanation is not None
    return item.explanation


def content(world: World, item_id: str) -> ItemContent:
    return next(item for item in world.features.items if item.item_id == item_id)


async def test_the_history_is_left_out_unless_it_is_asked_for(world: World) -> None:
    everything = await ask(world, num_items=1000)
    with_seen = await ask(world, num_items=1000, exclude_seen=False)
    seen = {i for i in ("item-1", "item-3", "item-4") if content(world, i).available}
    assert not seen & set(ids(everything))
    assert set(ids(with_seen)) - set(ids(everything)) == seen


async def test_items_not_available_are_never_in_an_answer(world: World) -> None:
    answer = await ask(world, num_items=1000, exclude_seen=False)
    assert set(ids(answer)) == {i.item_id for i in world.features.items if i.available}


async def test_an_item_can_go_away_come_back_and_change(world: World) -> None:
    first = ids(await ask(world))[0]
    world.features.put(first, removed=True, available=False)
    assert first not in ids(await ask(world, num_items=1000))
    with pytest.raises(ItemNotFound):
        await ask(world, item_id=first)
    world.features.put(first, title="Back", categories=("sport",))
    assert first in ids(await ask(world, num_items=1000, filters={"categories": ["sport"]}))
    world.features.put(first, available=False)
    assert first not in ids(await ask(world, num_items=1000))
    assert len((await ask(world, item_id=first)).items) == 10


async def test_a_new_item_can_be_recommended_at_once(world: World) -> None:
    world.features.put("brand-new", categories=("sport",), attributes={"price": 5})
    filters = {"items": ["brand-new"]}
    assert ids(await ask(world, filters=filters)) == ["brand-new"]
    world.features.put("brand-new", categories=("news",))
    assert ids(await ask(world, filters=filters | {"categories": ["sport"]})) == []


async def test_boosts_are_in_standard_deviations_of_the_eligible_scores(world: World) -> None:
    filters = {"categories": ["drama", "horror"]}
    plain = await ask(world, num_items=1000, filters=filters, explain=True)
    boosts = [
        {"where": {"categories": ["drama"]}, "weight": 1.5},
        {"where": {"year": {"min": 1990}}, "weight": -0.5},
    ]
    boosted = await ask(world, num_items=1000, filters=filters, boosts=boosts, explain=True)
    before = {item.item_id: explained(item).model_score for item in plain.items}
    spread = float(np.std(list(before.values())))
    for item in boosted.items:
        own = content(world, item.item_id)
        units = 1.5 * ("drama" in own.categories) - 0.5 * ((own.year or 0) >= 1990)
        base = item.score - explained(item).correction
        assert base == pytest.approx(before[item.item_id] + units * spread, abs=1e-4)
    assert before.keys() == set(ids(boosted))
    scores = [item.score for item in boosted.items]
    assert scores == sorted(scores, reverse=True)


async def test_where_all_scores_are_equal_a_boost_still_counts() -> None:
    world = World(random_items(20), None)
    last = next(i.item_id for i in reversed(world.features.items) if i.available)
    boosts = [{"where": {"items": [last]}, "weight": 0.5}]
    answer = await ask(world, boosts=boosts)
    assert ids(answer)[0] == last
    assert answer.items[0].score == pytest.approx(0.5)


@pytest.mark.parametrize("diversity", [0.0, 0.4])
@pytest.mark.parametrize("caps", [{"category": 3}, {"brand": 1, "category": 20}, {"tags": 2}])
async def test_caps_hold_and_nothing_more_would_fit(
    world: World, caps: dict[str, int], diversity: float
) -> None:
    answer = await ask(world, num_items=200, caps=caps, diversity=diversity)
    held: Counter[tuple[str, str]] = Counter()
    for item_id in ids(answer):
        held.update(values(world, item_id, caps))
    assert all(count <= caps[name] for (name, _), count in held.items())
    if len(answer.items) < 200:
        everything = await ask(world, num_items=1000)
        for item_id in set(ids(everything)) - set(ids(answer)):
            assert any(held[value] == caps[value[0]] for value in values(world, item_id, caps))


def values(world: World, item_id: str, caps: dict[str, int]) -> set[tuple[str, str]]:
    item = content(world, item_id)
    found: set[tuple[str, str]] = set()
    for name in caps:
        own = item.categories if name == "category" else item.attributes.get(name, ())
        found |= {(name, str(value)) for value in ([own] if isinstance(own, str) else own)}
    return found


async def test_caps_pass_over_the_next_best_only(world: World) -> None:
    plain = await ask(world, num_items=1000)
    capped = await ask(world, num_items=10, caps={"category": 2})
    held: Counter[str] = Counter()
    expected: list[str] = []
    for item_id in ids(plain):
        own = content(world, item_id).categories
        if len(expected) < 10 and all(held[c] < 2 for c in own):
            expected.append(item_id)
            held.update(own)
    assert ids(capped) == expected


async def test_diversity_makes_the_items_less_alike(trained: World) -> None:
    def likeness(answer: Answer) -> float:
        positions = trained.serving.catalogue.positions(ids(answer))
        directions = trained.serving.directions(np.array(positions))
        cosines = directions @ directions.T
        return float(np.maximum(cosines, 0)[np.triu_indices(len(positions), 1)].mean())

    answers = [await ask(trained, diversity=strength) for strength in (0.0, 0.3, 1.0)]
    alike = [likeness(answer) for answer in answers]
    assert alike[0] > alike[1] > alike[2]
    for answer in answers:
        assert len(set(ids(answer))) == 10
        scores = [item.score for item in answer.items]
        assert scores == sorted(scores, reverse=True)


async def test_the_penalty_is_the_likeness_to_the_items_above(trained: World) -> None:
    answer = await ask(trained, diversity=0.5, explain=True)
    everything = await ask(trained, num_items=1000, explain=True)
    spread = float(np.std([explained(item).model_score for item in everything.items]))
    positions = np.array(trained.serving.catalogue.positions(ids(answer)))
    directions = trained.serving.directions(positions)
    for n, item in enumerate(answer.items):
        nearest = max([0.0, *(directions[:n] @ directions[n]).tolist()])
        assert explained(item).diversity_penalty == pytest.approx(spread * nearest, abs=1e-4)


async def test_pins_stand_where_they_were_put(world: World) -> None:
    plain = ids(await ask(world))
    worst = ids(await ask(world, num_items=1000))[-1]
    pins = [
        {"item_id": worst, "position": 2},
        {"item_id": plain[0], "position": 5},
        {"item_id": "nothing", "position": 1},
        {"item_id": plain[3], "position": 11},
    ]
    answer = await ask(world, pins=pins, filters={"year": {"min": 0}}, explain=True)
    assert len(answer.items) == len(set(ids(answer))) == 10
    assert ids(answer)[1] == worst
    assert ids(answer)[4] == plain[0]
    assert list(answer.skipped_pins) == ["nothing"]
    marked = [item.explanation.pinned for item in answer.items if item.explanation]
    assert [n for n, pinned in enumerate(marked) if pinned] == [1, 4]
    assert answer.items[1].reason == "pinned"


async def test_pins_may_be_all_there_is(world: World) -> None:
    pins = [{"item_id": "item-3", "position": 4}, {"item_id": "item-1", "position": 7}]
    kept = [pin["item_id"] for pin in pins if content(world, str(pin["item_id"])).available]
    assert ids(await ask(world, pins=pins, filters={"items": []})) == kept


async def test_unavailable_and_removed_items_cannot_be_pinned(world: World) -> None:
    world.features.put("item-8", available=False)
    world.features.put("item-9", removed=True, available=False)
    pins = [{"item_id": "item-8", "position": 1}, {"item_id": "item-9", "position": 2}]
    answer = await ask(world, pins=pins)
    assert list(answer.skipped_pins) == ["item-8", "item-9"]
    assert len(answer.items) == 10


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"history": ["item-3", "item-1"]},
        {"item_id": "item-3"},
        {"boosts": [{"where": {}, "weight": 2}], "diversity": 0.6, "caps": {"category": 4}},
        {"pins": [{"item_id": "item-7", "position": 3}]},
        {"context": {"categories": ["drama"]}},
    ],
)
async def test_explanations_add_up_to_the_score(trained: World, fields: dict[str, object]) -> None:
    answer = await ask(trained, explain=True, **fields)
    model = trained.serving.personal.model if trained.serving.personal else None
    assert model is not None
    constant = {"history": None, "item_id": None, "context": None}.keys() & fields.keys()
    rest = np.zeros(model.dimensions) if constant else model.user_tower.constant(10**15)
    for item in answer.items:
        own = explained(item)
        total = own.model_score + own.boost + own.correction - own.diversity_penalty
        assert total == pytest.approx(item.score, abs=1e-9)
        if answer.algorithm == "context":
            assert own.contributions == []
            continue
        position = trained.serving.catalogue.position(item.item_id)
        shares = [share for _, share in own.contributions]
        parts = sum(shares) + float(rest @ model.item_vectors[position])
        assert parts == pytest.approx(own.model_score, abs=1e-4)
        assert shares == sorted(shares, reverse=True)
        assert len({name for name, _ in own.contributions}) == len(shares)


async def test_an_answer_of_popularity_is_explained_as_well(world: World) -> None:
    answer = await ask(world, user_id="nobody", explain=True)
    assert answer.algorithm == "popularity"
    for item in answer.items:
        assert item.explanation is not None
        assert item.explanation.model_score == item.score
        assert item.explanation.contributions == []


async def test_a_context_speaks_where_nothing_else_is_known(trained: World) -> None:
    context = {"categories": ["drama"]}
    alone = await ask(trained, context=context)
    nobody = await ask(trained, context=context, user_id="nobody")
    someone = await ask(trained, context=context, user_id="someone")
    unknown = await ask(trained, context={"categories": ["of no item"]})
    algorithms = [answer.algorithm for answer in (alone, nobody, someone, unknown)]
    assert trained.model is not None
    assert algorithms == ["context", "context", trained.model.name, "popularity"]
    assert ids(alone) == ids(nobody) != ids(unknown)
    assert ids(alone) != ids(await ask(trained, context={"categories": ["horror"]}))


async def test_events_of_weight_zero_are_no_history(world: World) -> None:
    world.features.met("viewer", "item-5", event_type="impression")
    world.features.met("viewer", "item-6", event_type="glance")
    world.features.weights = {"glance": 0.0}
    answer = await ask(world, user_id="viewer", num_items=1000)
    assert answer.algorithm == "popularity"
    expected = {i.item_id for i in world.features.items if i.available}
    assert set(ids(answer)) == expected


async def test_weights_move_the_answer_towards_the_heavier_event(trained: World) -> None:
    trained.features.met("buyer", "item-10", event_type="view")
    trained.features.met("buyer", "item-20", event_type="purchase")

    async def shares() -> dict[str, float]:
        answer = await ask(trained, user_id="buyer", explain=True)
        assert answer.items[0].explanation is not None
        return dict(answer.items[0].explanation.contributions)

    even = await shares()
    trained.features.weights = {"view": 1.0, "purchase": 1.0}
    assert await shares() == even
    trained.features.weights = {"purchase": 100.0}
    heavy = await shares()
    assert abs(heavy["item-20"] / heavy["item-10"]) > 50 * abs(even["item-20"] / even["item-10"])


async def test_ties_go_by_position_whatever_the_size_of_the_answer() -> None:
    model = random_model(300)
    model.item_vectors[:] = model.item_vectors[0]
    world = World([], None)
    items = [ItemContent(n + 1, f"item-{n}", None, (), None) for n in range(300)]
    world = World(items, model)
    world.features.met("someone", "item-2")
    expected = [f"item-{n}" for n in range(300) if n != 2]
    for num_items in (1, 10, 150, 298):
        assert ids(await ask(world, num_items=num_items)) == expected[:num_items]


@pytest.mark.parametrize(
    "options",
    [{}, {"explain": True, "num_items": 3}, {"diversity": 0.5}, {"caps": {"category": 1}}],
)
async def test_a_batch_is_its_users_answers_one_by_one(
    world: World, options: dict[str, object]
) -> None:
    users = [f"user-{n}" for n in range(2 * USERS_AT_ONCE + 3)]
    for n, user_id in enumerate(users):
        if n % 3:
            world.features.met(user_id, *[f"item-{(n * 7 + k) % ITEMS}" for k in range(n % 5)])
    batch = await world.recommender.recommend_batch(
        TENANT, BatchQuery.model_validate({"user_ids": users} | options)
    )
    for user_id, answer in zip(users, batch, strict=True):
        alone = await ask(world, user_id=user_id, **options)
        assert ids(answer) == ids(alone)
        assert answer.algorithm == alone.algorithm
        assert [i.reason for i in answer.items] == [i.reason for i in alone.items]


async def test_the_same_question_has_the_same_answer(world: World) -> None:
    fields: dict[str, object] = {
        "diversity": 0.3,
        "caps": {"category": 3},
        "boosts": [{"where": {"attributes": {"price": {"max": 5}}}, "weight": 1}],
    }
    first, second = await ask(world, **fields), await ask(world, **fields)
    assert list(first.items) == list(second.items)


async def test_a_tenant_without_anything_is_told_so() -> None:
    with pytest.raises(NothingToRecommend):
        await ask(World([], None))


async def test_items_of_events_alone_are_recommended_before_the_first_training() -> None:
    world = World([], None)
    world.features.counts = {"a": ItemCount(1, 1.0), "b": ItemCount(3, 3.0)}
    assert ids(await ask(world)) == ["b", "a"]
