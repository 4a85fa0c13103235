"""Logs, marks and a feature store in memory, around a projection."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass

import anyio
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
from data_pipeline.load.projection import FeatureProjection


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
