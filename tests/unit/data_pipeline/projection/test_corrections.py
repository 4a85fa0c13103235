"""Corrections are applied once, between events, and their marks go."""

import anyio
import pytest
from anyio.lowlevel import checkpoint
from tests.unit.data_pipeline.projection.world import caught_up

from backends.ports import PortUnavailable, Positions
from data_pipeline.load import projection

pytestmark = pytest.mark.anyio


async def test_corrections_are_applied_once_and_their_marks_go(monkeypatch, world) -> None:
    monkeypatch.setattr(projection, "CORRECTION_CHUNK", 2)
    await world.projection.follow(corrections=world.marks.add(5))
    await world.projection.settle(world.marks.add(1))
    await world.projection.settle(3)
    assert world.applied["corrections"] == [f"w{n}" for n in range(1, 7)]
    assert world.marks.pending == {}


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_settlement_that_fails_says_so_and_is_made_up_for(world, moment) -> None:
    world.features.faults = [moment]
    with pytest.raises(PortUnavailable):
        await world.projection.settle(world.marks.add(3))
    await caught_up(world.projection)
    assert world.applied["corrections"] == ["w1", "w2", "w3"]
    assert world.marks.pending == {}


async def test_marks_that_a_crash_left_behind_go_at_the_next_start(world) -> None:
    world.features.position = Positions(corrections=world.marks.add(2))
    await world.start().recover()
    assert (world.applied["corrections"], world.marks.pending) == ([], {})


async def test_filling_leaves_the_marks_to_those_who_need_them(world) -> None:
    world.marks.known = {"view": 2.0}
    world.marks.add(2)
    world.events.add(2)
    world.users.add(1)
    await world.projection.fill()
    assert world.applied["corrections"] == ["view"]
    assert (world.features.position, len(world.marks.pending)) == (Positions(2, 0, 0, 1, 0), 2)


async def test_events_have_their_turn_between_two_chunks_of_corrections(monkeypatch, world) -> None:
    monkeypatch.setattr(projection, "CORRECTION_CHUNK", 1)
    last = world.marks.add(20)
    async with anyio.create_task_group() as group:
        group.start_soon(world.projection.settle, last)
        await checkpoint()
        await world.projection.follow(live=world.events.add())
        assert world.applied["live"] == ["i1"]
        assert len(world.applied["corrections"]) < last
    assert len(world.applied["corrections"]) == last
