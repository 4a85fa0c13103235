"""Training snapshots in an object store: Parquet with a fixed schema, beside their manifest.

The id is made from the content, so the same data always gives the same snapshot.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from backends.ports import ObjectFiles, ObjectStore
from backends.snapshot_manifests import (
    FORMAT_VERSION,
    SnapshotDamaged,
    SnapshotManifests,
    manifest_key,
    snapshot_keys,
)
from backends.table_files import TableFile
from contracts.snapshots import SnapshotFile, SnapshotManifest

EVENT_SCHEMA: Final = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("event_type", pa.string(), nullable=False),
        pa.field("timestamp", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("value", pa.float64()),
    ]
)
"""One row for each event, ordered by user and time."""

ITEM_SCHEMA: Final = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("title", pa.string()),
        pa.field(
            "categories", pa.list_(pa.field("element", pa.string(), nullable=False)), nullable=False
        ),
        pa.field("year", pa.int32()),
    ]
)
"""One row for each item of the catalogue, ordered by id."""


class SnapshotObjects(ObjectStore, ObjectFiles, Protocol):
    """The object store that snapshots are in."""


def snapshot_id_of(events: TableFile, items: TableFile, event_weights: Mapping[str, float]) -> str:
    """The id of the snapshot with this content.

    `event_weights` says of each event type how much its events count in training, 0 that they do
    not.
    """
    weights = json.dumps({name: float(weight) for name, weight in sorted(event_weights.items())})
    identity = f"{FORMAT_VERSION}:{events.sha256}:{items.sha256}:{weights}"
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def described(tenant_id: str, snapshot_id: str, name: str, table: TableFile) -> SnapshotFile:
    """A file of a snapshot, `events` or `items`, as its manifest has it."""
    key = f"snapshots/{tenant_id}/{snapshot_id}/{name}.parquet"
    return SnapshotFile(key=key, rows=table.rows, sha256=table.sha256)


class SnapshotStore(SnapshotManifests):
    """Writes and reads snapshots; what it reads is checked against the manifest."""

    def __init__(self, objects: SnapshotObjects) -> None:
        super().__init__(objects)
        self._objects = objects

    async def write(self, manifest: SnapshotManifest, events: Path, items: Path) -> None:
        """Store a snapshot out of the files that its manifest describes.

        Where it is there already, it is written over: so making a snapshot again mends a damaged
        one. Raises `PortUnavailable`.
        """
        await self._objects.put(manifest.events.key, events)
        await self._objects.put(manifest.items.key, items)
        content = manifest.model_dump_json().encode()
        await self._objects.put(manifest_key(manifest.tenant_id, manifest.snapshot_id), content)

    async def read_tables(self, tenant_id: str, snapshot_id: str) -> tuple[pa.Table, pa.Table]:
        """The events (`EVENT_SCHEMA`) and items (`ITEM_SCHEMA`) of a snapshot.

        Raises:
            KeyError: there is no such snapshot.
            SnapshotDamaged: a file is absent, altered or of another schema.
            PortUnavailable: the object store does not answer.
        """
        manifest = await self.read_manifest(tenant_id, snapshot_id)
        events = await self._read(manifest.events, EVENT_SCHEMA)
        items = await self._read(manifest.items, ITEM_SCHEMA)
        return events, items

    async def fetch(self, file: SnapshotFile, path: Path) -> None:
        """Write a file of a snapshot to disk.

        Raises:
            SnapshotDamaged: it is absent or altered.
            PortUnavailable: the object store does not answer.
        """
        try:
            await self._objects.download(file.key, path)
        except KeyError:
            raise SnapshotDamaged(f"{file.key} is missing") from None
        _compare(file, await asyncio.to_thread(_digest, path))

    async def holding(self, tenant_id: str, user_ids: Sequence[str]) -> Sequence[str]:
        """The ids of the tenant's snapshots that hold an event of one of these users.

        One that was never finished counts as well, and so does one that cannot be read, since it
        may. Raises `PortUnavailable`.
        """
        found: list[str] = []
        for key in await self._objects.keys(f"snapshots/{tenant_id}/"):
            *_, snapshot_id, name = key.split("/")
            if name != "events.parquet":
                continue
            with suppress(KeyError):
                content = await self._objects.get(key)
                if await asyncio.to_thread(_holds, content, user_ids):
                    found.append(snapshot_id)
        return found

    async def remove(self, tenant_id: str, snapshot_id: str) -> None:
        """Remove a snapshot, or what there is of one. Raises `PortUnavailable`."""
        # First the manifest: without it there is no snapshot, whatever happens meanwhile. The
        # events go last, since `holding` looks for them.
        for key in snapshot_keys(tenant_id, snapshot_id):
            await self._objects.delete(key)

    async def _read(self, file: SnapshotFile, schema: pa.Schema) -> pa.Table:
        try:
            content = await self._objects.get(file.key)
        except KeyError:
            raise SnapshotDamaged(f"{file.key} is missing") from None
        return await asyncio.to_thread(_decode, content, file, schema)


def _decode(content: bytes, file: SnapshotFile, schema: pa.Schema) -> pa.Table:
    _compare(file, hashlib.sha256(content).hexdigest())
    table = pq.read_table(pa.BufferReader(content))
    if not table.schema.equals(schema):
        raise SnapshotDamaged(f"{file.key} has other columns than format {FORMAT_VERSION}")
    return table


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _compare(file: SnapshotFile, digest: str) -> None:
    if digest != file.sha256:
        raise SnapshotDamaged(f"{file.key} is damaged: its SHA-256 is {digest}, not {file.sha256}")


def _holds(content: bytes, user_ids: Sequence[str]) -> bool:
    try:
        table = pq.read_table(
            pa.BufferReader(content), columns=["user_id"], filters=[("user_id", "in", user_ids)]
        )
    except (pa.ArrowException, OSError):
        return True
    return table.num_rows > 0
