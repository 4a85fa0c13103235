"""The one way of records into the stores, whatever their source."""

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from contracts.imports import DataType
from data_pipeline.domain.accounting import Ledger, Quarantine
from data_pipeline.domain.deliveries import Checked, Counts, Delivery, Lane, Rejected, Source
from data_pipeline.domain.extracted import Extracted
from data_pipeline.domain.ports import CatalogueLog, EventLog, UserLog
from data_pipeline.domain.records import StagedEvents, Stored
from data_pipeline.load.projection import FeatureProjection
from data_pipeline.services.checks import Checks

LANES: Final = {Source.HTTP: Lane.LIVE, Source.KAFKA: Lane.LIVE, Source.FILE: Lane.BULK}

EVERYTHING: Final = sys.maxsize
"""A sequence after all others."""

Together = Callable[[], AbstractAsyncContextManager[None]]
Book = Callable[["Prepared", Counts], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A delivery that was checked; its new events wait in `staged`."""

    delivery: Delivery
    checked: Checked[Any]
    staged: StagedEvents | None
    received_at_ms: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a delivery; `last_sequence` is that of its newest record, 0 without any."""

    delivery: Delivery
    counts: Counts
    rejected: Sequence[Rejected]
    last_sequence: int


@dataclass(frozen=True, slots=True)
class RecordLogs:
    """Where sound records go."""

    events: EventLog
    catalogue: CatalogueLog
    users: UserLog


@dataclass(frozen=True, slots=True)
class Books:
    """Where rejected records go, and what counts them all."""

    quarantine: Quarantine
    ledger: Ledger


class Intake:
    """Checks records, and stores in one transaction whatever came of them.

    Sound records go to their log, the others to the quarantine, and the numbers of both into the
    ledger. `together` opens the transaction in which all of them take part; `now_ms` is Unix time
    in milliseconds. All but `follow` raise `PortUnavailable`; nothing of a delivery is stored then.
    """

    def __init__(
        self,
        checks: Checks,
        logs: RecordLogs,
        books: Books,
        projection: FeatureProjection,
        together: Together,
        now_ms: Callable[[], int],
    ) -> None:
        self._checks = checks
        self._logs = logs
        self._books = books
        self._projection = projection
        self._together = together
        self._now_ms = now_ms

    async def check(self, delivery: Delivery, extracted: Extracted) -> Checked[Any]:
        """Part a delivery into valid records and rejected ones."""
        return await self._checks.check(delivery, extracted, self._now_ms())

    @asynccontextmanager
    async def prepared(self, delivery: Delivery, checked: Checked[Any]) -> AsyncGenerator[Prepared]:
        """A block in which a checked delivery is ready to be stored.

        Nobody else stores events of its tenant within it.
        """
        now_ms = self._now_ms()
        async with AsyncExitStack() as stack:
            staged = None
            if delivery.data_type is DataType.EVENTS and len(checked.valid):
                lane = LANES[delivery.source]
                staged = await stack.enter_async_context(
                    self._logs.events.staged(delivery.tenant_id, checked.valid, now_ms, lane)
                )
            yield Prepared(delivery, checked, staged, now_ms)

    async def load(
        self,
        prepared: Sequence[Prepared],
        effect: Callable[[Sequence[Loaded]], Awaitable[None]] | None = None,
        book: Book | None = None,
    ) -> Sequence[Loaded]:
        """Store deliveries in one transaction, all or none.

        `effect` happens in the transaction, after the records: the source's position moves there.
        `book` does in place of this what is to be done with the counts and the rejected records.
        """
        async with self._together():
            # All are stored before any is booked: every transaction takes its locks in one order.
            stored = [await self._store(one) for one in prepared]
            loaded = [
                await self._booked(one, of_one, book or self._book)
                for one, of_one in zip(prepared, stored, strict=True)
            ]
            if effect is not None:
                await effect(loaded)
        return loaded

    async def follow(self, loaded: Sequence[Loaded]) -> None:
        """Let the features follow what was stored; never raises.

        What was sent again may be on its way still, for whoever sent it first: it is waited for.
        """
        newest: dict[str, int] = {}
        for one in loaded:
            data_type = one.delivery.data_type
            log = LANES[one.delivery.source] if data_type is DataType.EVENTS else data_type.value
            newest[log] = max(newest.get(log, 0), one.last_sequence)
        await self._projection.follow(**newest)
        if newest.get(Lane.LIVE) == 0 and any(one.counts.duplicates for one in loaded):
            await self._projection.reach(Lane.LIVE, EVERYTHING)

    async def reach(self, loaded: Loaded) -> None:
        """Wait until the features have what was stored, or cannot have it now; never raises."""
        if loaded.delivery.data_type is DataType.EVENTS:
            await self._projection.reach(LANES[loaded.delivery.source], loaded.last_sequence)

    async def take(self, delivery: Delivery, checked: Checked[Any]) -> Loaded:
        """Store one checked delivery by itself."""
        async with self.prepared(delivery, checked) as prepared:
            (loaded,) = await self.load([prepared])
        return loaded

    async def _booked(self, prepared: Prepared, stored: Stored, book: Book) -> Loaded:
        delivery, checked = prepared.delivery, prepared.checked
        counts = Counts(checked.received, stored.accepted, stored.duplicates, len(checked.rejected))
        await book(prepared, counts)
        return Loaded(delivery, counts, checked.rejected, stored.last_sequence)

    async def _store(self, prepared: Prepared) -> Stored:
        delivery, valid = prepared.delivery, prepared.checked.valid
        if delivery.data_type is DataType.EVENTS:
            if prepared.staged is None:
                return Stored(0, 0, 0)
            return await self._logs.events.store(prepared.staged)
        log = self._logs.catalogue if delivery.data_type is DataType.ITEMS else self._logs.users
        return await log.store(delivery.tenant_id, valid, prepared.received_at_ms)

    async def _book(self, prepared: Prepared, counts: Counts) -> None:
        delivery, received_at_ms = prepared.delivery, prepared.received_at_ms
        if prepared.checked.rejected:
            await self._books.quarantine.add(delivery, prepared.checked.rejected, received_at_ms)
        await self._books.ledger.record(delivery, received_at_ms, counts)
