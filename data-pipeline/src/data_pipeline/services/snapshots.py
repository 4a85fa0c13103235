"""Freezes what a tenant has into a training snapshot."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
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
from data_pipeline.domain.records import TrainingEvent, TrainingItem
from data_pipeline.services.event_types import EventTypes

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
        event_types: EventTypes,
        now_ms: Callable[[], int],
    ) -> None:
        self._events = events
        self._catalogue = catalogue
        self._store = store
        self._event_types = event_types
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
            # After the events: whatever type they have was declared by then, or is no more.
            weights = await self._event_types.weights(tenant_id)
            with clock.stage("write_snapshot"):
                manifest = await self._store.write(
                    tenant_id,
                    await asyncio.to_thread(events.table.finish),
                    await asyncio.to_thread(items.table.finish),
                    event_weights=dict.fromkeys(events.types, 0.0) | dict(weights),
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

    def standing_still(self) -> AbstractAsyncContextManager[object]:
        """A block in which no snapshot is made."""
        return self._lock

    async def remove_holding(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """Remove the snapshots with events of these users; how many. Raises `PortUnavailable`."""
        return await self._store.remove_holding(tenant_id, user_ids)

    async def count_holding(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """How many snapshots hold an event of these users. Raises `PortUnavailable`."""
        return len(await self._store.holding(tenant_id, user_ids))

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

    def add(self, rows: Sequence[TrainingItem]) -> None:
        self.table.add(list(zip(*rows, strict=True)))


class _FrozenEvents:
    def __init__(self) -> None:
        self.table = TableEncoder(EVENT_SCHEMA)
        self.types: set[str] = set()
        self.users = 0
        self.last_sequence = 0
        self._last_user: str | None = None

    def add(self, rows: Sequence[TrainingEvent]) -> None:
        sequences, *columns = zip(*rows, strict=True)
        # The events of a user come together, if perhaps in two chunks.
        self.users += len(set(columns[0])) - (columns[0][0] == self._last_user)
        self._last_user = columns[0][-1]
        self.types.update(columns[2])
        self.last_sequence = max((self.last_sequence, *sequences))
        self.table.add(columns)


async def _add_all(
    add: Callable[[Sequence[RowT]], None], chunks: AsyncGenerator[Sequence[RowT]]
) -> None:
    async with aclosing(chunks):
        async for rows in chunks:
            await asyncio.to_thread(add, rows)
