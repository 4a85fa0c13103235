"""The features follow the logs: once each, in order, whatever fails in between."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import anyio
import pytest
from anyio.lowlevel import checkpoint

import data_pipeline.load.projection
from backends.ports import (
    Correction,
    EventWeights,
    ItemContent,
    PortUnavailable,
    Positions,
    UserEvent,
)
from data_pipeline.domain.records import CorrectionPage, LogPage
from data_pipeline.load.projection import FeatureProjection

pytestmark = pytest.mark.anyio


class Log:
    """A log in memory that counts its reads."""

    def __init__(self) -> None:
        self.records: list = []
        self.reads = 0

    async def read_after(self, sequence: int, limit: int) -> LogPage:
        self.reads += 1
        await checkpoint()
        page = self.records[sequence : sequence + limit]
        more = len(page) == limit
        return LogPage([("acme", record) for record in page], sequence + len(page), more)

    def add(self, count: int = 1) -> int:
        for _ in range(count):
            self.records.append(UserEvent("u", f"i{len(self.records)}", "view", 0, None))
        return len(self.records)


class Marks:
    """Corrections in memory; each is due until it is removed."""

    def __init__(self) -> None:
        self.pending: dict[int, Correction] = {}
        self.last = 0

    async def due(self, after: int, events: int, limit: int) -> CorrectionPage:
        found = {n: one for n, one in self.pending.items() if n > after}
        chosen = dict(list(found.items())[:limit])
        return CorrectionPage(list(chosen.values()), max(chosen, default=after))

    async def remove(self, sequence: int) -> None:
        await checkpoint()
        self.pending = {n: one for n, one in self.pending.items() if n > sequence}

    async def weights(self) -> Sequence[EventWeights]:
        return []

    async def ping(self) -> None: ...

    async def close(self) -> None: ...

    def add(self, count: int = 1) -> int:
        for _ in range(count):
            self.last += 1
            self.pending[self.last] = EventWeights("acme", {f"w{self.last}": 1.0})
        return self.last


class Features:
    """A feature store in memory that can lose its answer after or before the commit."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self.events: list[str] = []
        self.corrections: list[str] = []
        self.position = Positions(0, 0, 0)
        self.faults: list[str] = []

    async def positions(self) -> Positions:
        return self.position

    async def apply_events(self, events: Sequence[tuple[str, UserEvent]], position: int) -> None:
        await self._fail("before")
        self.events += [event.item_id for _, event in events]
        self.position = replace(self.position, events=position)
        await self._fail("after")

    async def apply_items(self, items: Sequence[tuple[str, ItemContent]], position: int) -> None:
        self.items += [item.item_id for _, item in items]
        self.position = replace(self.position, items=position)

    async def correct(self, corrections: Sequence[Correction], position: int) -> None:
        await self._fail("before")
        self.corrections += [name for one in corrections for name in one.weights]
        self.position = replace(self.position, corrections=position)
        await self._fail("after")

    async def ping(self) -> None: ...

    async def close(self) -> None: ...

    async def _fail(self, moment: str) -> None:
        await checkpoint()
        if self.faults and self.faults[0] == moment:
            self.faults.pop(0)
            raise PortUnavailable(f"failed {moment} the commit")


class World:
    def __init__(self) -> None:
        self.events, self.catalogue, self.features = Log(), Log(), Features()
        self.marks = Marks()
        self.projection = self.start()

    def start(self) -> FeatureProjection:
        return FeatureProjection(
            self.events, self.catalogue, self.marks, self.features, retry_delays=(0.001,)
        )

    def all_items(self) -> list[str]:
        return [event.item_id for event in self.events.records]


@pytest.fixture
def world() -> World:
    return World()


async def test_following_applies_what_is_logged_once(world) -> None:
    await world.projection.follow(events=world.events.add(3))
    await world.projection.follow(events=world.events.add(2))
    await world.projection.follow(events=5)
    assert world.features.events == ["i0", "i1", "i2", "i3", "i4"]


async def test_requests_that_wait_for_each_other_share_one_catch_up(world) -> None:
    last = world.events.add(50)
    async with anyio.create_task_group() as group:
        for sequence in range(1, last + 1):
            group.start_soon(lambda upto=sequence: world.projection.follow(events=upto))
    assert world.features.events == world.all_items()
    assert world.events.reads == 1


async def test_catching_up_takes_both_logs_in_chunks(monkeypatch, world) -> None:
    monkeypatch.setattr(data_pipeline.load.projection, "CHUNK", 4)
    world.events.add(9)
    world.catalogue.add(8)
    await world.projection.catch_up()
    assert world.features.events == world.all_items()
    assert len(world.features.items) == 8
    assert world.features.position == Positions(9, 8, 0)


async def test_a_new_start_goes_on_where_the_features_stand(world) -> None:
    await world.projection.follow(events=world.events.add(3))
    world.events.add(4)
    await world.start().recover()
    assert world.features.events == world.all_items()


@pytest.mark.parametrize("faults", [["before"], ["after"], ["before", "after", "after", "before"]])
async def test_a_failing_store_raises_nothing_and_is_tried_until_it_has_caught_up(
    world, faults
) -> None:
    world.features.faults = faults
    await world.projection.follow(events=world.events.add(2))
    with pytest.raises(PortUnavailable, match="behind the logs"):
        await world.projection.check()
    world.events.add(1)
    with anyio.fail_after(5):
        while await is_behind(world.projection):
            await checkpoint()
    assert world.features.events == world.all_items()
    await world.projection.close()


async def is_behind(projection: FeatureProjection) -> bool:
    try:
        await projection.check()
    except PortUnavailable:
        return True
    return False


async def test_closing_ends_the_tries(world) -> None:
    world.features.faults = ["before"] * 10_000
    await world.projection.follow(events=world.events.add())
    await world.projection.close()
    assert not [task for task in asyncio.all_tasks() if "_retry" in repr(task.get_coro())]


async def test_corrections_are_applied_once_and_their_marks_go(monkeypatch, world) -> None:
    monkeypatch.setattr(data_pipeline.load.projection, "CORRECTION_CHUNK", 2)
    await world.projection.follow(corrections=world.marks.add(5))
    await world.projection.settle(world.marks.add(1))
    await world.projection.settle(3)
    assert world.features.corrections == [f"w{n}" for n in range(1, 7)]
    assert world.marks.pending == {}


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_settlement_that_fails_says_so_and_is_made_up_for(world, moment) -> None:
    world.features.faults = [moment]
    with pytest.raises(PortUnavailable):
        await world.projection.settle(world.marks.add(3))
    with anyio.fail_after(5):
        while await is_behind(world.projection):
            await checkpoint()
    assert world.features.corrections == ["w1", "w2", "w3"]
    assert world.marks.pending == {}
    await world.projection.close()


async def test_marks_that_a_crash_left_behind_go_at_the_next_start(world) -> None:
    last = world.marks.add(2)
    world.features.position = Positions(0, 0, last)
    await world.start().recover()
    assert (world.features.corrections, world.marks.pending) == ([], {})


async def test_events_have_their_turn_between_two_chunks_of_corrections(monkeypatch, world) -> None:
    monkeypatch.setattr(data_pipeline.load.projection, "CORRECTION_CHUNK", 1)
    last = world.marks.add(20)
    async with anyio.create_task_group() as group:
        group.start_soon(world.projection.settle, last)
        await checkpoint()
        await world.projection.follow(events=world.events.add())
        assert world.features.events == ["i0"]
        assert len(world.features.corrections) < last
    assert len(world.features.corrections) == last
