"""Freezes what a tenant has into a training snapshot."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from backends.snapshots import (
    EVENT_SCHEMA,
    ITEM_SCHEMA,
    SnapshotDamaged,
    SnapshotStore,
    TableEncoder,
)
from backends.stages import Stage, StageClock
from contracts.snapshots import SnapshotManifest
from data_pipeline.domain.errors import EmptySnapshot, SnapshotNotFound, SnapshotUnreadable
from data_pipeline.domain.ports import CatalogueLog, EventLog
from data_pipeline.domain.records import ItemRecord, TrainingEvent

CHUNK: Final = 50_000
"""Rows of a row group; another number would give the same data another snapshot id."""

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class SnapshotReport:
    """The snapshot that was made, and where the time went."""

    manifest: SnapshotManifest
    stages: Sequence[Stage]


class Snapshots:
    """Makes snapshots, one at a time, and shows them."""

    def __init__(
        self,
        events: EventLog,
        catalogue: CatalogueLog,
        store: SnapshotStore,
        now_ms: Callable[[], int],
    ) -> None:
        self._events = events
        self._catalogue = catalogue
        self._store = store
        self._now_ms = now_ms
        self._lock = asyncio.Lock()

    async def create(self, tenant_id: str) -> SnapshotReport:
        """Freeze the tenant's events and items.

        Raises:
            EmptySnapshot: the tenant has no events.
            PortUnavailable: the logs or the object store do not answer; no snapshot was made.
        """
        clock = StageClock()
        # One at a time: each holds its files in memory until they are written.
        async with self._lock:
            with clock.stage("freeze_events"):
                events = await self._freeze_events(tenant_id)
            with clock.stage("freeze_items"):
                items = await self._freeze_items(tenant_id)
            with clock.stage("write_snapshot"):
                manifest = await self._store.write(
                    tenant_id,
                    await asyncio.to_thread(events.table.finish),
                    await asyncio.to_thread(items.table.finish),
                    users=events.users,
                    last_sequence=events.last_sequence,
                    created_at=datetime.fromtimestamp(self._now_ms() / 1000, UTC),
                )
        return SnapshotReport(manifest, clock.stages)

    async def find(self, tenant_id: str, snapshot_id: str) -> SnapshotManifest:
        """The manifest of a snapshot.

        Raises:
            SnapshotNotFound, SnapshotUnreadable, PortUnavailable: there is none to show.
        """
        try:
            return await self._store.read_manifest(tenant_id, snapshot_id)
        except KeyError:
            raise SnapshotNotFound(f"there is no snapshot {snapshot_id!r}") from None
        except SnapshotDamaged as error:
            raise SnapshotUnreadable(str(error)) from error

    async def _freeze_events(self, tenant_id: str) -> "_FrozenEvents":
        frozen = _FrozenEvents()
        await _add_all(frozen.add, self._events.training_events(tenant_id, CHUNK))
        if frozen.users == 0:
            raise EmptySnapshot("the tenant has no events yet: send some, then make the snapshot")
        return frozen

    async def _freeze_items(self, tenant_id: str) -> "_FrozenItems":
        frozen = _FrozenItems()
        await _add_all(frozen.add, self._catalogue.items_of(tenant_id, CHUNK))
        return frozen


class _FrozenItems:
    def __init__(self) -> None:
        self.table = TableEncoder(ITEM_SCHEMA)

    def add(self, rows: Sequence[ItemRecord]) -> None:
        self.table.add(list(zip(*rows, strict=True)))


class _FrozenEvents:
    def __init__(self) -> None:
        self.table = TableEncoder(EVENT_SCHEMA)
        self.users = 0
        self.last_sequence = 0
        self._last_user: str | None = None

    def add(self, rows: Sequence[TrainingEvent]) -> None:
        sequences, *columns = zip(*rows, strict=True)
        # The events of a user come together, if perhaps in two chunks.
        self.users += len(set(columns[0])) - (columns[0][0] == self._last_user)
        self._last_user = columns[0][-1]
        self.last_sequence = max((self.last_sequence, *sequences))
        self.table.add(columns)


async def _add_all(
    add: Callable[[Sequence[RowT]], None], chunks: AsyncGenerator[Sequence[RowT]]
) -> None:
    async with aclosing(chunks):
        async for rows in chunks:
            await asyncio.to_thread(add, rows)
