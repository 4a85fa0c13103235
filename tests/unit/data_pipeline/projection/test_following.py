"""The features follow the logs: once each, side by side, whatever fails in between."""

import asyncio

import anyio
import pytest
from anyio.lowlevel import checkpoint
from tests.unit.data_pipeline.projection.world import caught_up

from backends.ports import PortUnavailable, Positions
from data_pipeline.domain.deliveries import Lane
from data_pipeline.load import feeds, projection

pytestmark = pytest.mark.anyio


async def test_following_applies_what_is_logged_once(world) -> None:
    await world.projection.follow(live=world.events.add(3))
    await world.projection.follow(live=world.events.add(2))
    await world.projection.follow(live=5, items=world.items.add(2), users=world.users.add(3))
    assert world.applied["live"] == ["i1", "i2", "i3", "i4", "i5"]
    assert (world.applied["items"], world.applied["users"]) == (["r0", "r1"], ["r0", "r1", "r2"])
    assert world.features.position == Positions(5, 0, 2, 3, 0)


async def test_requests_that_wait_for_each_other_share_one_catch_up(world) -> None:
    last = world.events.add(50)
    async with anyio.create_task_group() as group:
        for sequence in range(1, last + 1):
            group.start_soon(lambda upto=sequence: world.projection.follow(live=upto))
    assert world.applied["live"] == world.events.names()
    assert world.events.reads[Lane.LIVE] == 1


async def test_catching_up_takes_all_logs_in_pages(monkeypatch, world) -> None:
    monkeypatch.setattr(feeds, "RECORDS", 4)
    monkeypatch.setattr(feeds, "EVENT_ROWS", {Lane.LIVE: 4, Lane.BULK: 3})
    world.events.add(9)
    world.events.add(7, Lane.BULK)
    world.items.add(8)
    world.users.add(5)
    world.marks.add(2)
    await world.projection.catch_up()
    assert world.applied["live"] == world.events.names()
    assert world.applied["bulk"] == world.events.names(Lane.BULK)
    assert world.features.position == Positions(9, 16, 8, 5, 2)


async def test_what_happens_now_does_not_wait_for_a_file(monkeypatch, world) -> None:
    monkeypatch.setattr(feeds, "EVENT_ROWS", {Lane.LIVE: 10, Lane.BULK: 50})
    rows = world.events.add(1_000, Lane.BULK)
    await world.projection.follow(bulk=rows)
    while not world.applied["bulk"]:
        await checkpoint()
    for sent in range(1, 6):
        before = len(world.applied["bulk"])
        await world.projection.follow(live=world.events.add())
        assert len(world.applied["live"]) == sent
        assert len(world.applied["bulk"]) <= before + 10
    assert len(world.applied["bulk"]) < rows
    await world.projection.reach(Lane.BULK, rows)
    assert world.applied["bulk"] == world.events.names(Lane.BULK)
    assert await world.projection.applied(Lane.BULK) == rows
    assert await world.projection.applied(Lane.LIVE) == rows + 5


async def test_files_that_come_while_others_follow_are_followed(world) -> None:
    await world.projection.follow(bulk=world.events.add(30, Lane.BULK))
    while not world.applied["bulk"]:
        await checkpoint()
    await world.projection.follow(bulk=world.events.add(30, Lane.BULK))
    with anyio.fail_after(30):
        while len(world.applied["bulk"]) < 60:
            await checkpoint()
    assert world.applied["bulk"] == world.events.names(Lane.BULK)


async def test_a_correction_waits_for_the_page_that_was_read_before_it(monkeypatch, world) -> None:
    monkeypatch.setattr(feeds, "EVENT_ROWS", {Lane.LIVE: 1, Lane.BULK: 10})
    await world.projection.follow(bulk=world.events.add(100, Lane.BULK))
    while not world.applied["bulk"]:
        await checkpoint()
    await world.projection.settle(world.marks.add())
    assert world.marks.positions == [{Lane.LIVE: 0, Lane.BULK: 10}]
    assert len(world.applied["bulk"]) == 10


async def test_events_of_weight_0_are_passed_over(world) -> None:
    world.events.add(1, event_type="own")
    world.events.add(1, event_type="impression")
    await world.projection.follow(live=world.events.add())
    assert world.applied["live"] == ["i3"]
    world.marks.known = {"own": 0.5, "impression": 1.0, "view": 0.0}
    for event_type in ("own", "impression", "view"):
        world.events.add(1, event_type=event_type)
    await world.projection.follow(live=6)
    assert world.applied["live"] == ["i3", "i4", "i5"]
    assert world.features.position.live == 6


async def test_a_new_start_goes_on_where_the_features_stand(world) -> None:
    await world.projection.follow(live=world.events.add(3))
    world.events.add(4)
    world.events.add(4, Lane.BULK)
    another = world.start()
    await another.recover()
    assert world.applied["live"] == world.events.names()
    await another.reach(Lane.BULK, world.events.last)
    assert world.applied["bulk"] == world.events.names(Lane.BULK)
    await another.close()


@pytest.mark.parametrize("faults", [["before"], ["after"], ["before", "after", "after", "before"]])
@pytest.mark.parametrize("lane", list(Lane))
async def test_a_failing_store_raises_nothing_and_is_tried_until_it_has_caught_up(
    world, faults, lane
) -> None:
    world.features.faults = list(faults)
    last = world.events.add(2, lane)
    await world.projection.follow(**{lane.value: last})
    await world.projection.reach(lane, last)
    with pytest.raises(PortUnavailable, match="behind the logs"):
        await world.projection.check()
    world.events.add(1, lane)
    await caught_up(world.projection)
    assert world.applied[lane.value] == world.events.names(lane)


async def test_a_store_that_is_lost_is_filled_again_though_nothing_comes_in(
    monkeypatch, world
) -> None:
    monkeypatch.setattr(projection, "LOOK_SECONDS", 0.001)
    world.events.add(3)
    world.events.add(2, Lane.BULK)
    world.marks.known = {"own": 2.0}
    await world.projection.recover()
    await world.projection.catch_up()
    before = {name: list(names) for name, names in world.applied.items()}
    world.features.lose()
    with anyio.fail_after(30):
        while not world.features.filled:
            await checkpoint()
    assert world.applied == before
    assert world.features.filled[-1] == Positions(live=3, bulk=5)


async def test_readers_are_let_in_when_all_logs_are_followed(monkeypatch, world) -> None:
    monkeypatch.setattr(projection, "GATHERING_SECONDS", 0.001)
    world.events.add(3, Lane.BULK)
    world.features.faults = ["before"]
    await world.projection.follow(live=world.events.add())
    assert world.features.filled == []
    await caught_up(world.projection)
    with anyio.fail_after(30):
        while not world.features.filled:
            await checkpoint()
    assert set(world.features.filled) == {Positions(live=4, bulk=3)}


async def test_nobody_waits_for_a_store_that_is_behind_and_all_is_followed(world) -> None:
    world.features.faults = ["before"] * 3
    await world.projection.follow(live=world.events.add())
    reads = world.events.reads[Lane.LIVE]
    await world.projection.follow(live=world.events.add())
    assert world.events.reads[Lane.LIVE] == reads
    await caught_up(world.projection)
    with anyio.fail_after(30):
        while world.applied["live"] != world.events.names():
            await checkpoint()


async def test_what_another_replica_applied_is_not_applied_again(world) -> None:
    await world.projection.follow(live=world.events.add(2))
    other = world.start()
    await other.follow(live=world.events.add(2))
    await world.projection.follow(live=world.events.add(2))
    assert world.applied["live"] == world.events.names()
    await other.close()


async def test_closing_ends_the_tries_and_what_follows_a_file(world) -> None:
    world.features.faults = ["before"] * 10_000
    await world.projection.follow(live=world.events.add())
    world.features.faults = []
    await world.projection.follow(bulk=world.events.add(1_000, Lane.BULK))
    await world.projection.close()
    running = [repr(task.get_coro()) for task in asyncio.all_tasks()]
    assert not [name for name in running if "_retry" in name or "_follow_bulk" in name]
    assert len(world.applied["bulk"]) < 1_000
