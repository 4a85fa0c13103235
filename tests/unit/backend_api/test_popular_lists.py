"""What is popular stands in for an answer only where it honours what was asked."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_api.domain.errors import DependencyUnavailable, RefusedByService
from backend_api.services.popular_lists import PopularLists
from backends.embedded.memory_cache import MemoryCache
from contracts.problems import Problem
from contracts.recommendations import (
    BatchQuery,
    BatchRecommendations,
    RecommendationQuery,
    Recommendations,
    RecommendedItem,
)

pytestmark = pytest.mark.anyio


class Engine:
    """Answers what is popular: `i1`, `i2` and so on, pins in their places."""

    def __init__(self, items: int = 1_000) -> None:
        self.asked: list[RecommendationQuery] = []
        self.items = items
        self.error: Exception | None = None

    async def recommend(
        self, tenant_id: str, query: bytes, timeout_seconds: float
    ) -> Recommendations:
        if self.error is not None:
            raise self.error
        wanted = RecommendationQuery.model_validate_json(query)
        self.asked.append(wanted)
        size = min(wanted.num_items, self.items)
        ids = [f"i{n}" for n in range(1, size + 1)]
        for pin in wanted.pins:
            ids.remove(pin.item_id)
            ids.insert(pin.position - 1, pin.item_id)
        items = [RecommendedItem(item_id=one, score=1, reason="popular") for one in ids]
        return Recommendations(model_version="7", algorithm="popularity", items=items)

    async def recommend_batch(self, tenant_id: str, query: BatchQuery) -> BatchRecommendations:
        raise AssertionError("popular lists are asked for one by one")

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def query(**options: Any) -> RecommendationQuery:
    return RecommendationQuery.model_validate({"user_id": "u", **options})


def ids(answer: Recommendations | None) -> list[str]:
    assert answer is not None
    return [item.item_id for item in answer.items]


async def lists_for(engine: Engine, asked: RecommendationQuery) -> PopularLists:
    lists = PopularLists(engine, timeout_seconds=1)
    lists.want("acme", asked)
    await lists.refresh()
    return lists


async def test_what_is_left_out_is_left_out() -> None:
    asked = query(num_items=3, exclude=["i1", "i3"])
    lists = await lists_for(Engine(), asked)
    assert ids(lists.answer("acme", asked)) == ["i2", "i4", "i5"]
    similar = query(user_id=None, item_id="i2", num_items=2)
    assert ids(lists.answer("acme", similar)) == ["i1", "i3"]
    session = query(user_id=None, history=["i1", "i2"], num_items=2)
    assert ids(lists.answer("acme", session)) == ["i3", "i4"]


async def test_other_filters_are_not_honoured_and_so_not_answered() -> None:
    asked = query(filters={"categories": ["Action"]})
    lists = await lists_for(Engine(), asked)
    assert lists.answer("acme", asked) is not None
    assert lists.answer("acme", query()) is None
    assert lists.answer("acme", query(filters={"categories": ["Drama"]})) is None
    assert lists.answer("acme", query(filters=asked.filters, caps={"category": 1})) is None
    assert lists.answer("globex", asked) is None


async def test_the_place_of_near_belongs_to_the_filters() -> None:
    def near(latitude: float) -> RecommendationQuery:
        place = {"location": {"latitude": latitude, "longitude": 0}, "region": "EU"}
        return query(filters={"near": {"radius_km": 5}}, context=place)

    lists = await lists_for(Engine(), near(52))
    assert lists.answer("acme", near(52)) is not None
    assert lists.answer("acme", near(53)) is None


async def test_a_context_without_conditions_is_no_condition() -> None:
    lists = await lists_for(Engine(), query())
    assert lists.answer("acme", query(context={"region": "EU", "categories": ["A"]})) is not None


async def test_a_list_too_short_to_tell_is_no_answer() -> None:
    many = [f"i{n}" for n in range(1, 96)]
    lists = await lists_for(Engine(), query())
    assert lists.answer("acme", query(exclude=many, num_items=10)) is None
    assert len(ids(lists.answer("acme", query(exclude=many, num_items=5)))) == 5


async def test_a_whole_list_may_be_short() -> None:
    lists = await lists_for(Engine(items=4), query())
    assert ids(lists.answer("acme", query(exclude=["i1"]))) == ["i2", "i3", "i4"]


@given(st.sets(st.integers(1, 30), max_size=10), st.integers(1, 8))
async def test_pins_keep_their_places(left_out: set[int], position: int) -> None:
    asked = query(
        num_items=8,
        exclude=[f"i{n}" for n in sorted(left_out)],
        pins=[{"item_id": "i20", "position": position}],
    )
    lists = await lists_for(Engine(), asked)
    answer = ids(lists.answer("acme", asked))
    assert answer[position - 1] == "i20"
    assert len(set(answer)) == 8
    assert not (set(answer) - {"i20"}) & {f"i{n}" for n in left_out}


async def test_lists_are_asked_for_again_while_there_is_traffic() -> None:
    clock, engine = Clock(), Engine()
    lists = PopularLists(engine, timeout_seconds=1, clock=clock)
    lists.want("acme", query())
    await lists.refresh()
    await lists.refresh()
    assert len(engine.asked) == 1
    clock.now = 60
    await lists.refresh()
    assert len(engine.asked) == 2
    clock.now = 700
    await lists.refresh()
    assert len(engine.asked) == 2
    lists.want("acme", query(num_items=300))
    await lists.refresh()
    assert engine.asked[-1].num_items == 600


async def test_the_most_wanted_come_first_and_few_at_once() -> None:
    engine = Engine()
    lists = PopularLists(engine, timeout_seconds=1)
    for year in range(20):
        lists.want("acme", query(filters={"year": {"min": year}}))
    lists.want("acme", query())
    lists.want("acme", query())
    await lists.refresh()
    assert len(engine.asked) == 5
    assert engine.asked[0].filters.year is None


async def test_a_service_that_is_away_keeps_what_there_is() -> None:
    clock, engine = Clock(), Engine()
    lists = PopularLists(engine, timeout_seconds=1, clock=clock)
    lists.want("acme", query())
    await lists.refresh()
    engine.error = DependencyUnavailable("ml_engine", "away")
    clock.now = 100
    await lists.refresh()
    assert lists.answer("acme", query()) is not None


async def test_a_list_that_is_refused_is_forgotten() -> None:
    clock, engine = Clock(), Engine()
    lists = PopularLists(engine, timeout_seconds=1, clock=clock)
    lists.want("acme", query())
    await lists.refresh()
    refused = Problem(title="t", status=409, code="nothing_to_recommend", detail="d")
    engine.error = RefusedByService(refused)
    clock.now = 100
    await lists.refresh()
    assert lists.answer("acme", query()) is None


async def test_the_lists_are_bounded() -> None:
    lists = PopularLists(Engine(), timeout_seconds=1, max_lists=2)
    for year in range(3):
        lists.want("acme", query(filters={"year": {"min": year}}))
    for _ in range(2):
        await lists.refresh()
    known = [lists.knows("acme", query(filters={"year": {"min": year}})) for year in range(3)]
    assert known == [False, True, True]


async def test_a_replica_that_starts_without_the_model_finds_the_lists_of_the_others() -> None:
    shared, engine, asked = MemoryCache(), Engine(), query(num_items=3)
    ours = PopularLists(engine, timeout_seconds=1, shared=shared)
    ours.want("acme", asked)
    await ours.refresh()
    theirs = PopularLists(Engine(), timeout_seconds=1, shared=shared)
    await theirs.look_up("acme", asked)
    assert theirs.answer("acme", asked) == ours.answer("acme", asked)
    for tenant_id, other in (("other", asked), ("acme", query(filters={"categories": ["A"]}))):
        await theirs.look_up(tenant_id, other)
        assert theirs.answer(tenant_id, other) is None


async def test_a_list_that_is_gone_is_found_by_nobody() -> None:
    shared, engine, clock, asked = MemoryCache(), Engine(), Clock(), query(num_items=3)
    ours = PopularLists(engine, timeout_seconds=1, shared=shared, clock=clock)
    ours.want("acme", asked)
    await ours.refresh()
    clock.now += 61
    problem = Problem(type="t", title="t", status=409, detail="d", code="nothing_to_recommend")
    engine.error = RefusedByService(problem)
    await ours.refresh()
    theirs = PopularLists(Engine(), timeout_seconds=1, shared=shared)
    await theirs.look_up("acme", asked)
    assert theirs.answer("acme", asked) is None


async def test_others_are_asked_once_a_second_for_a_list_that_none_has() -> None:
    class Counting(MemoryCache):
        asked = 0

        async def get(self, key: str) -> bytes | None:
            self.asked += 1
            return await super().get(key)

    shared, clock = Counting(), Clock()
    lists = PopularLists(Engine(), timeout_seconds=1, shared=shared, clock=clock)
    for _ in range(3):
        await lists.look_up("acme", query())
    assert shared.asked == 1
    clock.now += 1
    await lists.look_up("acme", query())
    assert shared.asked == 2
