"""Freezes what a tenant has into a training snapshot."""

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Final

import duckdb

from backends.ports import PortUnavailable
from backends.snapshot_manifests import FORMAT_VERSION, SnapshotDamaged, snapshot_keys
from backends.snapshots import SnapshotStore, described, snapshot_id_of
from backends.stages import Stage, StageClock
from backends.table_files import TableFile
from contracts.snapshots import SnapshotManifest, TrainingData
from data_pipeline.domain.errors import EmptySnapshot, SnapshotNotFound, SnapshotUnreadable
from data_pipeline.domain.ports import CatalogueLog, EventArchive
from data_pipeline.domain.snapshot_ports import SnapshotBook, TrainingCounts
from data_pipeline.services.event_types import EventTypes
from data_pipeline.services.frozen_data import FrozenEvents, freeze_events, freeze_items
from data_pipeline.services.profiles import Profiles

CHUNK: Final = 50_000
"""Rows of a row group; another number would give the same data another snapshot id."""


@dataclass(frozen=True, slots=True)
class SnapshotReport:
    """The snapshot that was made, and where the time went."""

    manifest: SnapshotManifest
    stages: Sequence[Stage]


@dataclass(frozen=True, slots=True)
class SnapshotSources:
    """What snapshots are made from."""

    events: EventArchive
    catalogue: CatalogueLog
    event_types: EventTypes


@dataclass(frozen=True, slots=True)
class SnapshotPage:
    """Manifests, last made first; `next_before` is where the next page begins, None at the end."""

    manifests: Sequence[SnapshotManifest]
    next_before: int | None


class Snapshots:
    """Makes snapshots, one at a time, and shows them.

    `folder` is for files until they are in the object store; whatever is in it is removed.
    """

    def __init__(
        self,
        sources: SnapshotSources,
        counts: TrainingCounts,
        store: SnapshotStore,
        book: SnapshotBook,
        folder: Path,
        now_ms: Callable[[], int],
    ) -> None:
        rmtree(folder, ignore_errors=True)
        self._sources = sources
        self._counts = counts
        self._store = store
        self._book = book
        self._profiles = Profiles(store, book)
        self._folder = folder
        self._now_ms = now_ms
        self._lock = asyncio.Lock()

    async def create(self, tenant_id: str) -> SnapshotReport:
        """Freeze the tenant's events and items.

        Raises:
            EmptySnapshot: the tenant has no events.
            PortUnavailable: the logs, the object store or the disk cannot be used, or the
                snapshot was removed while it was being written; no snapshot was made.
        """
        clock = StageClock()
        # One at a time: each needs the disk and a share of the memory.
        async with self._lock:
            with _working_in(self._folder) as folder:
                manifest = await self._create(tenant_id, folder, clock)
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

    async def page(self, tenant_id: str, before: int | None, limit: int) -> SnapshotPage:
        """The tenant's snapshots, last made first; those that cannot be read are left out.

        Raises `PortUnavailable`.
        """
        made = await self._book.page(tenant_id, before, limit)
        found = [await self._readable(tenant_id, one.snapshot_id) for one in made]
        return SnapshotPage(
            [manifest for manifest in found if manifest is not None],
            made[-1].sequence if len(made) == limit else None,
        )

    async def training_data(self, tenant_id: str) -> TrainingData:
        """How much there is to train from, and how much came lately. Raises `PortUnavailable`."""
        return await self._counts.counts(tenant_id)

    def standing_still(self) -> AbstractAsyncContextManager[object]:
        """A block in which no snapshot is made."""
        return self._lock

    async def remove_holding(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """Remove the snapshots with events of these users; how many. Raises `PortUnavailable`."""
        found = await self._store.holding(tenant_id, user_ids)
        await self._book.remove(tenant_id, found)
        for snapshot_id in found:
            await self._store.remove(tenant_id, snapshot_id)
        return len(found)

    async def count_holding(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """How many snapshots hold an event of these users. Raises `PortUnavailable`."""
        return len(await self._store.holding(tenant_id, user_ids))

    async def _create(self, tenant_id: str, folder: Path, clock: StageClock) -> SnapshotManifest:
        # Before the events are read: one that comes meanwhile counts as one that came later.
        stored = await self._counts.stored(tenant_id)
        with clock.stage("freeze_events"):
            events = await self._frozen_events(tenant_id, folder)
        with clock.stage("freeze_items"):
            chunks = self._sources.catalogue.items_of(tenant_id, CHUNK)
            items = await freeze_items(chunks, folder / "items.parquet")
        with clock.stage("profile_data"):
            manifest = await self._described(tenant_id, events, items, folder)
        keys = snapshot_keys(tenant_id, manifest.snapshot_id)
        with clock.stage("write_snapshot"):
            await self._book.begin(tenant_id, manifest.snapshot_id, keys)
            await self._store.write(manifest, events.file.path, items.path)
            made = (manifest.snapshot_id, keys, stored, self._now_ms())
            if not await self._book.made(tenant_id, *made):
                await self._store.remove(tenant_id, manifest.snapshot_id)
                raise PortUnavailable("the snapshot was removed by an erasure: make it again")
        return manifest

    async def _frozen_events(self, tenant_id: str, folder: Path) -> FrozenEvents:
        batches = self._sources.events.training_events(tenant_id, CHUNK)
        events = await freeze_events(batches, folder / "events.parquet")
        if events.file.rows == 0:
            raise EmptySnapshot("the tenant has no events yet: send some, then make the snapshot")
        return events

    async def _described(
        self, tenant_id: str, events: FrozenEvents, items: TableFile, folder: Path
    ) -> SnapshotManifest:
        # After the events: whatever type they have was declared by then, or is no more.
        weights = events.weights(await self._sources.event_types.weights(tenant_id))
        snapshot_id = snapshot_id_of(events.file, items, weights)
        known = await self._readable(tenant_id, snapshot_id)
        if known is not None:
            return known
        found = await self._profiles.of(tenant_id, events.file.path, items.path, folder)
        return SnapshotManifest(
            snapshot_id=snapshot_id,
            tenant_id=tenant_id,
            format_version=FORMAT_VERSION,
            created_at=datetime.fromtimestamp(self._now_ms() / 1000, UTC),
            last_sequence=events.last_sequence,
            event_weights=dict(weights),
            events=described(tenant_id, snapshot_id, "events", events.file),
            items=described(tenant_id, snapshot_id, "items", items),
            **found._asdict(),
        )

    async def _readable(self, tenant_id: str, snapshot_id: str) -> SnapshotManifest | None:
        try:
            return await self.find(tenant_id, snapshot_id)
        except (SnapshotNotFound, SnapshotUnreadable):
            return None


@contextmanager
def _working_in(folder: Path) -> Generator[Path]:
    """A block with a folder of its own, which is removed afterwards."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder) as name:
            yield Path(name)
    except (OSError, duckdb.Error) as error:
        raise PortUnavailable(f"cannot work on the files of a snapshot: {error}") from error
