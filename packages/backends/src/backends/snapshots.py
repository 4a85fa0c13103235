"""Training snapshots in an object store: Parquet with a fixed schema, and a manifest.

`snapshots/{tenant}/{id}/` holds `events.parquet`, `items.parquet` and, written last,
`manifest.json`: a snapshot with a manifest is whole. The id is made from the content, so the
same data always gives the same snapshot.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from backends.ports import ObjectStore
from contracts.snapshots import SnapshotFile, SnapshotManifest

FORMAT_VERSION: Final = 2

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


class SnapshotDamaged(Exception):
    """A snapshot is not what its manifest says; the message names the file and the fault."""


@dataclass(frozen=True, slots=True)
class EncodedTable:
    """A whole Parquet file, its number of rows and its SHA-256 in hex."""

    content: bytes
    rows: int
    sha256: str


class TableEncoder:
    """Encodes a table batch by batch, each batch a row group; runs in any thread."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._sink = pa.BufferOutputStream()
        self._writer = pq.ParquetWriter(self._sink, schema, compression="zstd")
        self._rows = 0

    def add(self, columns: Sequence[Sequence[Any]]) -> None:
        """Append rows, given as one sequence for each column of the schema."""
        arrays = [
            pa.array(column, field.type)
            for column, field in zip(columns, self._schema, strict=True)
        ]
        batch = pa.record_batch(arrays, schema=self._schema)
        self._writer.write_batch(batch)
        self._rows += batch.num_rows

    def finish(self) -> EncodedTable:
        """Close the file; nothing can be added afterwards."""
        self._writer.close()
        content = self._sink.getvalue().to_pybytes()
        return EncodedTable(content, self._rows, hashlib.sha256(content).hexdigest())


def encode_table(table: pa.Table) -> EncodedTable:
    """Encode a whole table of `EVENT_SCHEMA` or `ITEM_SCHEMA`."""
    encoder = TableEncoder(table.schema)
    for batch in table.to_batches():
        encoder.add(batch.columns)
    return encoder.finish()


class SnapshotStore:
    """Writes and reads snapshots; what it reads is checked against the manifest."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def write(
        self,
        tenant_id: str,
        events: EncodedTable,
        items: EncodedTable,
        *,
        event_weights: Mapping[str, float],
        users: int,
        last_sequence: int,
        created_at: datetime,
    ) -> SnapshotManifest:
        """Store a snapshot. Where the same content is there already, its manifest stays as it is.

        `event_weights` says of each event type how much its events count in training, 0 that they
        do not; `users` is the number of users with events, `last_sequence` the place in the event
        log of the newest event, `created_at` carries its offset. Raises `PortUnavailable`.
        """
        snapshot_id = _content_id(events, items, event_weights)
        folder = _folder(tenant_id, snapshot_id)
        manifest = SnapshotManifest(
            snapshot_id=snapshot_id,
            tenant_id=tenant_id,
            format_version=FORMAT_VERSION,
            created_at=created_at,
            last_sequence=last_sequence,
            users=users,
            event_weights=dict(event_weights),
            events=_described(f"{folder}/events.parquet", events),
            items=_described(f"{folder}/items.parquet", items),
        )
        # Written even where they are: so making a snapshot again mends a damaged one.
        await self._objects.put(manifest.events.key, events.content)
        await self._objects.put(manifest.items.key, items.content)
        try:
            return await self.read_manifest(tenant_id, snapshot_id)
        except (KeyError, SnapshotDamaged):
            content = manifest.model_dump_json().encode()
            await self._objects.put(f"{folder}/manifest.json", content)
        return manifest

    async def read_manifest(self, tenant_id: str, snapshot_id: str) -> SnapshotManifest:
        """The manifest of a snapshot.

        Raises:
            KeyError: there is no such snapshot.
            SnapshotDamaged: the manifest is unreadable or of another format version.
            PortUnavailable: the object store does not answer.
        """
        key = f"{_folder(tenant_id, snapshot_id)}/manifest.json"
        content = await self._objects.get(key)
        try:
            manifest = SnapshotManifest.model_validate_json(content)
        except ValidationError as error:
            raise SnapshotDamaged(f"{key} is no manifest: {error.errors()[0]['msg']}") from error
        if manifest.format_version != FORMAT_VERSION:
            raise SnapshotDamaged(
                f"{key} has format version {manifest.format_version}; this code reads version "
                f"{FORMAT_VERSION}: make the snapshot again"
            )
        return manifest

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

    async def remove_holding(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """Remove the snapshots of `holding`; how many. Raises `PortUnavailable`."""
        found = await self.holding(tenant_id, user_ids)
        for snapshot_id in found:
            folder = _folder(tenant_id, snapshot_id)
            # First the manifest: without it there is no snapshot, whatever happens meanwhile.
            for name in ("manifest.json", "items.parquet", "events.parquet"):
                await self._objects.delete(f"{folder}/{name}")
        return len(found)

    async def _read(self, file: SnapshotFile, schema: pa.Schema) -> pa.Table:
        try:
            content = await self._objects.get(file.key)
        except KeyError:
            raise SnapshotDamaged(f"{file.key} is missing") from None
        return await asyncio.to_thread(_decode, content, file, schema)


def _decode(content: bytes, file: SnapshotFile, schema: pa.Schema) -> pa.Table:
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        raise SnapshotDamaged(f"{file.key} is damaged: its SHA-256 is {digest}, not {file.sha256}")
    table = pq.read_table(pa.BufferReader(content))
    if not table.schema.equals(schema):
        raise SnapshotDamaged(f"{file.key} has other columns than format {FORMAT_VERSION}")
    return table


def _holds(content: bytes, user_ids: Sequence[str]) -> bool:
    try:
        table = pq.read_table(
            pa.BufferReader(content), columns=["user_id"], filters=[("user_id", "in", user_ids)]
        )
    except (pa.ArrowException, OSError):
        return True
    return table.num_rows > 0


def _content_id(
    events: EncodedTable, items: EncodedTable, event_weights: Mapping[str, float]
) -> str:
    weights = json.dumps({name: float(weight) for name, weight in sorted(event_weights.items())})
    identity = f"{FORMAT_VERSION}:{events.sha256}:{items.sha256}:{weights}"
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def _folder(tenant_id: str, snapshot_id: str) -> str:
    return f"snapshots/{tenant_id}/{snapshot_id}"


def _described(key: str, table: EncodedTable) -> SnapshotFile:
    return SnapshotFile(key=key, rows=table.rows, sha256=table.sha256)
