"""A model of two stages re-ranks what it retrieves for users."""

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.ml_engine.retrieval.worlds import (
    TENANT,
    World,
    random_items,
    random_two_stage,
)

from contracts.recommendations import BatchQuery, RecommendationQuery
from ml_engine.domain.interactions import Histories
from ml_engine.domain.recommendation import Answer
from ml_engine.evaluation.ranking import top_items
from ml_engine.models.two_stage import TwoStage
from ml_engine.models.two_stage.network import Network

pytestmark = pytest.mark.anyio

ITEMS, DEPTH = 400, 50
HISTORIES = {"someone": [3, 1, 4, 1], "other": [9, 200], "one": [5]}


@pytest.fixture
def model() -> TwoStage:
    return random_two_stage(ITEMS, depth=DEPTH)


@pytest.fixture
def world(model: TwoStage) -> World:
    items = [replace(item, available=True) for item in random_items(ITEMS)]
    made = World(items, model)
    for user, history in HISTORIES.items():
        made.features.met(user, *(f"item-{n}" for n in history))
    return made


async def ask(world: World, **fields: object) -> Answer:
    query = RecommendationQuery.model_validate({"num_items": 20, "explain": True, **fields})
    return await world.recommender.recommend(TENANT, query)


def ids(answer: Answer) -> list[str]:
    return [item.item_id for item in answer.items]


def histories_of(world: World, *users: str) -> Histories:
    events = [
        (row, int(event.item_id.removeprefix("item-")), event.timestamp_ms)
        for row, user in enumerate(users)
        for event in world.features.histories[user]
    ]
    rows, items, times = np.array(events).T
    return Histories.from_events(rows, items, times, len(users))


@pytest.mark.parametrize("num_items", [20, DEPTH, 90])
async def test_users_get_what_the_model_ranks(
    world: World, model: TwoStage, num_items: int
) -> None:
    histories = histories_of(world, *HISTORIES)
    ranked = top_items(model.scores(histories), histories, num_items)
    expected = [[f"item-{n}" for n in row] for row in ranked]
    one_by_one = [await ask(world, user_id=user, num_items=num_items) for user in HISTORIES]
    query = BatchQuery(user_ids=list(HISTORIES), num_items=num_items)
    together = await world.recommender.recommend_batch(TENANT, query)
    assert [ids(answer) for answer in one_by_one] == expected
    assert [ids(answer) for answer in together] == expected


async def test_what_a_filter_leaves_is_re_ranked(world: World, model: TwoStage) -> None:
    answer = await ask(world, user_id="someone", filters={"categories": ["drama"]})
    history = histories_of(world, "someone")
    vector, weights = model.encode_user(*history.row(0))
    scores = model.item_vectors @ vector
    eligible = [n for n, item in enumerate(world.features.items) if "drama" in item.categories]
    new = np.setdiff1d(eligible, history.items)
    retrieved = new[np.argsort(-scores[new])][:DEPTH]
    totals = scores[retrieved] + model.corrections(vector, weights, history.items, retrieved)
    assert ids(answer) == [f"item-{n}" for n in retrieved[np.argsort(-totals)][:20]]
    assert any(item.explanation and item.explanation.correction for item in answer.items)


async def test_what_goes_with_items_is_not_corrected(world: World) -> None:
    for fields in ({"item_id": "item-3"}, {"history": ["item-3", "item-1"]}):
        answer = await ask(world, **fields)
        for item in answer.items:
            assert item.explanation is not None
            assert item.explanation.correction == 0
            assert item.score == item.explanation.model_score


async def test_a_new_item_is_retrieved_by_its_content_and_re_ranked(world: World) -> None:
    await ask(world, user_id="someone")
    world.features.put("brand-new", categories=("drama",))
    answer = await ask(world, user_id="someone", filters={"items": ["brand-new", "item-7"]})
    assert set(ids(answer)) == {"brand-new", "item-7"}
    assert all(np.isfinite(item.score) for item in answer.items)


async def test_a_silent_network_changes_nothing(world: World, model: TwoStage) -> None:
    silent = World(
        world.features.items,
        replace(model, network=Network.silent(len(model.network.hidden))),
    )
    silent.features.histories = world.features.histories
    answer = await ask(silent, user_id="someone")
    vector = model.encode_user(*histories_of(world, "someone").row(0))[0]
    scores = model.item_vectors @ vector
    scores[[3, 1, 4]] = -np.inf
    assert ids(answer) == [f"item-{n}" for n in np.argsort(-scores)[:20]]
    assert ids(answer) != ids(await ask(world, user_id="someone"))
