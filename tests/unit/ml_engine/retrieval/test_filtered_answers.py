"""Every filtered answer is the brute-force one: only eligible items, all of them or the best."""

import random
from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.ml_engine.retrieval.reference import (
    eligible,
    meets,
    random_filters,
    record_of,
)
from tests.unit.ml_engine.retrieval.worlds import (
    TENANT,
    World,
    random_item,
    random_items,
    random_model,
)

from backends.ports import ItemCount
from contracts.attributes import Location
from contracts.recommendations import RecommendationQuery
from ml_engine.retrieval.catalogue import Catalogue
from ml_engine.retrieval.filter_masks import matches

HERE = Location(latitude=48.0, longitude=9.0)
SEEN = ["item-3", "item-1", "item-4"]


def model_world(n_items: int) -> World:
    world = World(random_items(n_items), random_model(n_items))
    world.features.met("someone", *SEEN)
    return world


def bare_world(n_items: int) -> World:
    world = World(random_items(n_items), None)
    world.features.met("someone", *SEEN)
    world.features.counts = {f"item-{k}": ItemCount(k % 50, k % 50) for k in range(n_items)}
    return world


def reference_scores(world: World) -> dict[str, list[float]]:
    """Every item's score for a known and an unknown user, by plain loops."""
    if world.model is None:
        counts = [count.recent for count in world.features.counts.values()]
        return {"someone": counts, "nobody": counts}
    times = [event.timestamp_ms for event in world.features.histories["someone"]]
    vector, _ = world.model.encode_user(np.array([3, 1, 4], np.int32), np.array(times))
    user = vector.tolist()
    rows = world.model.item_vectors.tolist()
    personal = [sum(a * b for a, b in zip(row, user, strict=True)) for row in rows]
    return {"someone": personal, "nobody": world.popularity.tolist()}


class Reference:
    """The answers of one world as plain loops find them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.scores = reference_scores(world)
        self._best_first = {
            user_id: sorted(range(len(scores)), key=lambda position: -scores[position])
            for user_id, scores in self.scores.items()
        }

    def best_scores(self, user_id: str, wanted: set[int], num_items: int) -> list[float]:
        best_first = (p for p in self._best_first[user_id] if p in wanted)
        return [self.scores[user_id][p] for p in islice(best_first, num_items)]


async def check_against_brute_force(references: Sequence[Reference], n_filters: int) -> None:
    """Worlds of the same items, each by the same random queries."""
    items = references[0].world.features.items
    records = [record_of(item) for item in items]
    positions = {item.item_id: position for position, item in enumerate(items)}
    rng, short = random.Random(7), 0
    for _ in range(n_filters):
        filters, num_items = random_filters(rng, len(items)), rng.choice([1, 10, 50, 300])
        user_id = rng.choice(["someone", "nobody"])
        excluded = [f"item-{rng.randrange(len(items))}" for _ in range(rng.choice([0, 5]))]
        query = RecommendationQuery.model_validate(
            {
                "user_id": user_id,
                "num_items": num_items,
                "filters": filters,
                "exclude": excluded,
                "context": {"location": HERE},
            }
        )
        wanted = {positions[record.item_id] for record in eligible(records, filters, HERE)}
        wanted -= {positions[i] for i in (*excluded, *(SEEN if user_id == "someone" else []))}
        for reference in references:
            await check_answer(reference, query, wanted, positions)
        short += len(wanted) < num_items
    assert 0 < short < n_filters


async def check_answer(
    reference: Reference, query: RecommendationQuery, wanted: set[int], positions: dict[str, int]
) -> None:
    """Only eligible items, as many as there are or were asked for, and none better left out."""
    answer = await reference.world.recommender.recommend(TENANT, query)
    user_id, filters = query.user_id or "", query.filters
    found = [positions[item.item_id] for item in answer.items]
    assert len(found) == len(set(found)) == min(query.num_items, len(wanted)), filters
    assert wanted.issuperset(found), filters
    best = reference.best_scores(user_id, wanted, query.num_items)
    own = [reference.scores[user_id][position] for position in found]
    assert [item.score for item in answer.items] == pytest.approx(best, abs=1e-4), filters
    assert own == pytest.approx(best, abs=1e-4), filters


@pytest.mark.anyio
@pytest.mark.parametrize("make", [model_world, bare_world])
async def test_random_filters_over_two_thousand_items(make: Callable[[int], World]) -> None:
    await check_against_brute_force([Reference(make(2_000))], 150)


@pytest.mark.anyio
@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_a_thousand_random_filters_over_fifty_thousand_items() -> None:
    worlds = [model_world(50_000), bare_world(50_000)]
    await check_against_brute_force([Reference(world) for world in worlds], 1_000)


@given(st.integers(0, 2**32), st.integers(0, 12))
@settings(max_examples=500)
def test_a_mask_is_what_the_contract_says_item_by_item(seed: int, n_items: int) -> None:
    rng = random.Random(seed)
    items = [random_item(k + 1, f"item-{k}", rng) for k in range(n_items)]
    catalogue = Catalogue([item.item_id for item in items], [None] * n_items)
    for position in rng.sample(range(n_items), n_items):
        catalogue.put(position, random_item(0, f"item-{position}", rng))
        catalogue.put(position, items[position])
    filters = random_filters(rng, max(n_items, 1))
    expected = [meets(item, filters, HERE) for item in items]
    assert matches(catalogue, filters, HERE).tolist() == expected
