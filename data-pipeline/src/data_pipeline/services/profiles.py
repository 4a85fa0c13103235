"""What the data of a new snapshot are like, beside those of the tenant's last one."""

import asyncio
from pathlib import Path
from typing import NamedTuple

from backends.snapshot_manifests import SnapshotDamaged
from backends.snapshots import SnapshotStore
from contracts.snapshots import DataDrift, DataProfile, SnapshotManifest
from data_pipeline.domain.snapshot_ports import SnapshotBook
from data_pipeline.transform.data_profile import profiling


class Profiled(NamedTuple):
    """A profile, the id of the snapshot before, and how the data differ from it."""

    profile: DataProfile
    previous_snapshot_id: str | None
    drift: DataDrift | None


class Profiles:
    """Looks at the files of snapshots."""

    def __init__(self, store: SnapshotStore, book: SnapshotBook) -> None:
        self._store = store
        self._book = book

    async def of(self, tenant_id: str, events: Path, items: Path, folder: Path) -> Profiled:
        """What is in the files of a new snapshot; `folder` is for others. Raises `PortUnavailable`.

        Without a snapshot before, or one that can be read, there is no drift.
        """
        last = await self._last(tenant_id)
        if last is None:
            profile, _ = await asyncio.to_thread(_profiled, events, items, folder, None)
            return Profiled(profile, None, None)
        before = folder / "previous.parquet"
        try:
            await self._store.fetch(last.events, before)
        except SnapshotDamaged:
            profile, _ = await asyncio.to_thread(_profiled, events, items, folder, None)
            return Profiled(profile, last.snapshot_id, None)
        previous = (last.profile, before)
        profile, drift = await asyncio.to_thread(_profiled, events, items, folder, previous)
        return Profiled(profile, last.snapshot_id, drift)

    async def _last(self, tenant_id: str) -> SnapshotManifest | None:
        for made in await self._book.page(tenant_id, None, 1):
            try:
                return await self._store.read_manifest(tenant_id, made.snapshot_id)
            except (KeyError, SnapshotDamaged):
                return None
        return None


def _profiled(
    events: Path, items: Path, folder: Path, previous: tuple[DataProfile, Path] | None
) -> tuple[DataProfile, DataDrift | None]:
    with profiling(events, items, folder) as data:
        profile = data.profile()
        return profile, data.drift(profile, *previous) if previous else None
