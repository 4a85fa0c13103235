"""The features follow the logs: once each, side by side, whatever fails in between."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass

import anyio
import pytest
from anyio.lowlevel import checkpoint
from tests.event_batches import event_batch

from backends.ports import (
    Correction,
    EventUpdate,
    EventWeights,
    FeaturesMoved,
    Filled,
    ItemUpdate,
    Portion,
    PortUnavailable,
    Positions,
    Update,
    UserContent,
    UserEvent,
    UserUpdate,
)
from data_pipeline.domain.deliveries import Lane
from data_pipeline.domain.records import CorrectionPage, EventPage, LogPage
from data_pipeline.load import feeds, projection
from data_pipeline.load.projection import FeatureProjection

pytestmark = pytest.mark.anyio


class Events:
    """Two lanes of chunks of one event each; the reads of each lane are counted."""

    def __init__(self) -> None:
        self.chunks: dict[Lane, list[UserEvent]] = {Lane.LIVE: [], Lane.BULK: []}
        self.reads = {Lane.LIVE: 0, Lane.BULK: 0}
        self.last = 0

    async def read_after(self, lane: Lane, sequence: int, rows: int) -> EventPage:
        self.reads[lane] += 1
        await checkpoint()
        left = [event for event in self.chunks[lane] if event.sequence > sequence]
        page = left[:rows]
        batches = [("acme", event_batch([("u", event)])) for event in page]
        last = page[-1].sequence if page else sequence
        return EventPage(batches, last, len(left) > len(page))

    def add(self, count: int = 1, lane: Lane = Lane.LIVE, event_type: str = "view") -> int:
        for _ in range(count):
            self.last += 1
            event = UserEvent(f"i{self.last}", event_type, 0, None, self.last)
            self.chunks[lane].append(event)
        return self.last

    def names(self, lane: Lane = Lane.LIVE) -> list[str]:
        return [event.item_id for event in self.chunks[lane]]


class Profiles:
    """A log of profiles, or of items by their names."""

    def __init__(self) -> None:
        self.records: list[UserContent] = []

    async def read_after(self, sequence: int, limit: int) -> LogPage[UserContent]:
        await checkpoint()
        page = self.records[sequence : sequence + limit]
        records = [("acme", record) for record in page]
        return LogPage(records, sequence + len(page), len(page) == limit)

    def add(self, count: int = 1) -> int:
        for _ in range(count):
            self.records.append(UserContent(f"r{len(self.records)}", {}))
        return len(self.records)

    def names(self) -> list[str]:
        return [record.user_id for record in self.records]


class Marks:
    """Corrections in memory; each is due until it is removed."""

    def __init__(self) -> None:
        self.pending: dict[int, Correction] = {}
        self.last = 0
        self.known: dict[str, float] = {}
        self.positions: list[Mapping[Lane, int]] = []

    async def due(self, after: int, upto: Mapping[Lane, int], limit: int) -> CorrectionPage:
        self.positions.append(upto)
        found = {n: one for n, one in self.pending.items() if n > after}
        chosen = dict(list(found.items())[:limit])
        return CorrectionPage(list(chosen.values()), max(chosen, default=after))

    async def remove(self, sequence: int) -> None:
        await checkpoint()
        self.pending = {n: one for n, one in self.pending.items() if n > sequence}

    async def weights(self, tenant_ids: Collection[str] | None = None) -> Sequence[EventWeights]:
        return [EventWeights("acme", self.known)] if self.known else []

    async def ping(self) -> None: ...

    async def close(self) -> None: ...

    def add(self, count: int = 1) -> int:
        for _ in range(count):
            self.last += 1
            self.pending[self.last] = EventWeights("acme", {f"w{self.last}": 1.0})
        return self.last


@dataclass(frozen=True, slots=True)
class OneEvent(Portion):
    """One event of an update."""

    item_id: str | None
    after: int | None = None


class Features:
    """A feature store in memory that can lose its answer after or before the commit."""

    def __init__(self) -> None:
        self.applied: dict[str, list[str]] = {name: [] for name in ("live", "bulk", "items")}
        self.applied |= {"users": [], "corrections": []}
        self.position = Positions()
        self.filled: list[Positions] = []
        self.faults: list[str] = []
        self.writing = 0

    async def positions(self) -> Positions:
        return self.position

    async def portions(self, update: EventUpdate) -> AsyncGenerator[OneEvent]:
        names = [name for _, batch in update.batches for name in batch["item_id"].to_pylist()]
        for name in names[:-1]:
            yield OneEvent(update.lane, None, name, update.after)
        last = names[-1] if names else None
        yield OneEvent(update.lane, update.position, last, update.after)

    async def apply(self, update: Update | Portion | Filled) -> None:
        if isinstance(update, Filled):
            assert update.positions == self.position
            self.filled.append(self.position)
        elif isinstance(update, OneEvent):
            await self._write(update.lane, [update.item_id] if update.item_id else [], update)
        elif isinstance(update, ItemUpdate):
            await self._write("items", [item.user_id for _, item in update.items], update)
        elif isinstance(update, UserUpdate):
            await self._write("users", [user.user_id for _, user in update.users], update)

    async def correct(self, corrections: Sequence[Correction], position: int) -> None:
        names = [name for one in corrections for name in one.weights]
        await self._write("corrections", names, Portion("corrections", position))

    async def ping(self) -> None: ...

    async def close(self) -> None: ...

    def lose(self) -> None:
        """Begin anew."""
        self.position = Positions()
        self.filled.clear()
        for names in self.applied.values():
            names.clear()

    async def _write(self, name: str, names: list[str], update: Update | Portion) -> None:
        assert not self.writing
        self.writing += 1
        try:
            await self._fail("before")
            if getattr(update, "after", None) not in (None, getattr(self.position, name)):
                raise FeaturesMoved("elsewhere")
            # A portion may be applied again, until its update is whole.
            self.applied[name] += [one for one in names if one not in self.applied[name]]
            if update.position is not None:
                self.position = self.position._replace(**{name: update.position})
            await self._fail("after")
        finally:
            self.writing -= 1

    async def _fail(self, moment: str) -> None:
        await checkpoint()
        if self.faults and self.faults[0] == moment:
            self.faults.pop(0)
            raise PortUnavailable(f"failed {moment} the commit")


class World:
    def __init__(self) -> None:
        self.now_ms = 1_000_000
        self.events, self.features, self.marks = Events(), Features(), Marks()
        self.items, self.users = Profiles(), Profiles()
        self.projection = self.start()

    def start(self) -> FeatureProjection:
        return FeatureProjection(
            self.events,
            self.items,
            self.users,
            self.marks,
            self.features,
            lambda: self.now_ms,
            retry_delays=(0.001,),
        )

    @property
    def applied(self) -> dict[str, list[str]]:
        return self.features.applied


@pytest.fixture
async def world() -> AsyncGenerator[World]:
    world = World()
    yield world
    await world.projection.close()


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


async def caught_up(projection: FeatureProjection) -> None:
    with anyio.fail_after(30):
        while await is_behind(projection):
            await checkpoint()


async def is_behind(projection: FeatureProjection) -> bool:
    try:
        await projection.check()
    except PortUnavailable:
        return True
    return False


async def test_closing_ends_the_tries_and_what_follows_a_file(world) -> None:
    world.features.faults = ["before"] * 10_000
    await world.projection.follow(live=world.events.add())
    world.features.faults = []
    await world.projection.follow(bulk=world.events.add(1_000, Lane.BULK))
    await world.projection.close()
    running = [repr(task.get_coro()) for task in asyncio.all_tasks()]
    assert not [name for name in running if "_retry" in name or "_follow_bulk" in name]
    assert len(world.applied["bulk"]) < 1_000


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


async def test_freshness_is_the_age_of_the_oldest_record_that_is_not_applied(world) -> None:
    fresh = {"histories": 0.0, "items": 0.0, "users": 0.0}
    assert world.projection.freshness() == fresh
    world.features.faults = ["before"]
    await world.projection.follow(users=world.users.add())
    world.now_ms += 2_500
    assert world.projection.freshness() == fresh | {"users": 2.5}
    await caught_up(world.projection)
    assert world.projection.freshness() == fresh


async def test_freshness_of_a_backlog_is_that_of_the_events_in_it(monkeypatch, world) -> None:
    monkeypatch.setattr(feeds, "EVENT_ROWS", {Lane.LIVE: 1, Lane.BULK: 1})
    world.events.add(20, Lane.BULK)
    await world.projection.recover()
    ages = set()
    while len(world.applied["bulk"]) < 20:
        ages.add(world.projection.freshness()["histories"])
        await checkpoint()
    await world.projection.reach(Lane.BULK, 20)
    assert ages <= {0.0, 1_000.0}
    assert 1_000.0 in ages
    assert world.projection.freshness()["histories"] == 0.0
