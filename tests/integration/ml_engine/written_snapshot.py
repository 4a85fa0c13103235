"""A training snapshot as data-pipeline writes it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from backends.object_store import UrlObjectStore
from backends.snapshot_manifests import FORMAT_VERSION
from backends.snapshots import EVENT_SCHEMA, ITEM_SCHEMA, SnapshotStore, described, snapshot_id_of
from backends.table_files import write_table
from contracts.events import DEFAULT_WEIGHTS
from contracts.snapshots import SnapshotManifest
from data_pipeline.transform.data_profile import profiling

Rows = Sequence[Mapping[str, Any]]


async def write_snapshot(objects_url: str, tenant_id: str, events: Rows, items: Rows) -> str:
    """Store a snapshot with these rows; its id."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        event_file = write_table(pa.Table.from_pylist(events, EVENT_SCHEMA), folder / "events")
        item_file = write_table(pa.Table.from_pylist(items, ITEM_SCHEMA), folder / "items")
        snapshot_id = snapshot_id_of(event_file, item_file, DEFAULT_WEIGHTS)
        with profiling(event_file.path, item_file.path, folder) as data:
            profile = data.profile()
        manifest = SnapshotManifest(
            snapshot_id=snapshot_id,
            tenant_id=tenant_id,
            format_version=FORMAT_VERSION,
            created_at=datetime.now(UTC),
            last_sequence=len(events),
            event_weights=DEFAULT_WEIGHTS,
            events=described(tenant_id, snapshot_id, "events", event_file),
            items=described(tenant_id, snapshot_id, "items", item_file),
            profile=profile,
        )
        store = SnapshotStore(UrlObjectStore(objects_url))
        await store.write(manifest, event_file.path, item_file.path)
    return snapshot_id
