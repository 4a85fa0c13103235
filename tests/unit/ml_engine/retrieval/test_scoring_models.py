"""Answers of a model that scores all items by itself: an item-to-item matrix, without an index."""

import numpy as np
import pytest
from tests.unit.ml_engine.retrieval.worlds import TENANT, World, random_items, random_weights

from contracts.recommendations import RecommendationQuery
from ml_engine.domain.recommendation import Answer
from ml_engine.models.item_to_item import ItemToItem

pytestmark = pytest.mark.anyio

ITEMS = 300
NAMES = {f"item-{n}": f"Title item-{n}" for n in range(ITEMS)}


@pytest.fixture
def model() -> ItemToItem:
    return random_weights(ITEMS)


@pytest.fixture
def world(model: ItemToItem) -> World:
    made = World(random_items(ITEMS), model)
    made.features.met("someone", "item-3", "item-1", "item-4", "item-1")
    return made


async def ask(world: World, **fields: object) -> Answer:
    subject = {} if {"history", "item_id"} & fields.keys() else {"user_id": "someone"}
    query = RecommendationQuery.model_validate({**subject, "explain": True, **fields})
    return await world.recommender.recommend(TENANT, query)


async def test_the_answer_is_the_best_by_the_models_scores(world: World, model: ItemToItem) -> None:
    answer = await ask(world, num_items=20)
    assert (answer.algorithm, answer.index, answer.encoded) == ("ease", "scan", "user")
    scores = model.encode_user(np.array([3, 1, 4, 1], np.int32), np.zeros(4, np.int64))[0]
    available = {item.item_id for item in world.features.items if item.available}
    best = [f"item-{n}" for n in np.argsort(-scores) if n not in (1, 3, 4)]
    assert [i.item_id for i in answer.items] == [i for i in best if i in available][:20]


@pytest.mark.parametrize("fields", [{}, {"history": ["item-3", "item-1"]}, {"item_id": "item-3"}])
async def test_the_reason_is_what_adds_most_and_shares_add_up(
    world: World, model: ItemToItem, fields: dict[str, object]
) -> None:
    answer = await ask(world, num_items=200, **fields)
    gain = 1e-4 if fields else model.gain
    for item in answer.items:
        explained = item.explanation
        assert explained is not None
        position = int(item.item_id.removeprefix("item-"))
        parts = sum(share for _, share in explained.contributions)
        rest = gain * float(model.popularity[position])
        assert parts + rest == pytest.approx(explained.model_score, abs=1e-5)
        best = explained.contributions[:1]
        if not best or best[0][1] <= 0:
            assert item.reason == "popularity"
        elif "item_id" in fields:
            assert item.reason == "similar to Title item-3"
        elif "history" in fields:
            assert item.reason == f"because of {NAMES[best[0][0]]}"
        else:
            assert item.reason.startswith("because of ")


async def test_reasons_are_the_same_with_an_explanation_and_without(world: World) -> None:
    for fields in ({}, {"item_id": "item-3"}):
        full = await ask(world, num_items=200, **fields)
        words = await ask(world, num_items=200, explain=False, **fields)
        assert [i.reason for i in full.items] == [i.reason for i in words.items]


async def test_items_that_came_after_training_are_known_but_lead_nowhere(world: World) -> None:
    before = await ask(world)
    world.features.put("new", title="New", categories=("drama",))
    world.features.met("someone", "new")
    after = await ask(world, exclude_seen=False, num_items=1000)
    found = next(item for item in after.items if item.item_id == "new")
    assert (found.score, found.reason) == (0.0, "popularity")
    assert before.items
    alone = await ask(world, history=["new"])
    assert {item.reason for item in alone.items} == {"popularity"}


async def test_where_only_a_context_is_known_the_answer_is_popular(world: World) -> None:
    query = RecommendationQuery.model_validate({"context": {"categories": ["drama"]}})
    answer = await world.recommender.recommend(TENANT, query)
    assert (answer.algorithm, answer.index) == ("popularity", None)
