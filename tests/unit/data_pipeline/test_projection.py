"""The features follow the logs: once each, in order, whatever fails in between."""

import asyncio
from collections.abc import Sequence

import anyio
import pytest
from anyio.lowlevel import checkpoint

import data_pipeline.load.projection
from backends.ports import ItemContent, PortUnavailable, Positions, UserEvent
from data_pipeline.domain.records import LogPage
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
        return LogPage([("acme", record) for record in page], sequence + len(page))

    def add(self, count: int = 1) -> int:
        for _ in range(count):
            self.records.append(UserEvent("u", f"i{len(self.records)}", "view", 0, None))
        return len(self.records)


class Features:
    """A feature store in memory that can lose its answer after or before the commit."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self.events: list[str] = []
        self.position = Positions(0, 0)
        self.faults: list[str] = []

    async def positions(self) -> Positions:
        return self.position

    async def apply_events(self, events: Sequence[tuple[str, UserEvent]], position: int) -> None:
        await self._fail("before")
        self.events += [event.item_id for _, event in events]
        self.position = Positions(position, self.position.items)
        await self._fail("after")

    async def apply_items(self, items: Sequence[tuple[str, ItemContent]], position: int) -> None:
        self.items += [item.item_id for _, item in items]
        self.position = Positions(self.position.events, position)

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
        self.projection = FeatureProjection(
            self.events, self.catalogue, self.features, retry_delays=(0.001,)
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
    assert world.features.position == Positions(9, 8)


async def test_a_new_start_goes_on_where_the_features_stand(world) -> None:
    await world.projection.follow(events=world.events.add(3))
    world.events.add(4)
    restarted = FeatureProjection(world.events, world.catalogue, world.features)
    await restarted.recover()
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
