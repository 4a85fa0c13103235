"""Chunks of the event log, and the encoding of their events.

A new chunk has the columns of `EVENT_SCHEMA` alone: the sequence of a row is that of the first
plus its place, and all arrived at one moment. One that was rewritten has those of
`STORED_EVENT_SCHEMA`.
"""

import struct
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data_pipeline.domain.deliveries import Lane
from data_pipeline.domain.events import EVENT_SCHEMA, STORED_EVENT_SCHEMA
from data_pipeline.domain.records import EventFilter

INLINE_ROWS: Final = 20_000
"""How many events a chunk holds itself at most."""

SORTED_GROUP_ROWS: Final = 32_768
"""Rows of a row group where events are sorted: the statistics of the groups tell them apart."""

EVERYTHING: Final = EventFilter()

# As long as Arrow's alignment.
_HEADER: Final = struct.Struct("<?7x")
_REPETITIVE: Final = ["user_id", "item_id", "event_type", "recommendation_id"]
_GROWING: Final = ["timestamp", "sequence", "received_at"]


class Chunk(NamedTuple):
    """A row of the table `event_chunks`."""

    last_sequence: int
    first_sequence: int
    tenant_id: str
    lane: str
    day: str
    rows: int
    oldest_ms: int
    newest_ms: int
    size: int
    content: bytes | None
    object_key: str | None

    def holding(
        self, rows: int, size: int, content: bytes | None, object_key: str | None
    ) -> "Chunk":
        """The same chunk with other events; its sequences stay, for those who follow the log."""
        return self._replace(rows=rows, size=size, content=content, object_key=object_key)


def new_chunk(tenant_id: str, lane: Lane, received_at_ms: int, last_sequence: int) -> Chunk:
    """A chunk without events, of those that arrived at this moment."""
    return Chunk(
        last_sequence=last_sequence,
        first_sequence=last_sequence,
        tenant_id=tenant_id,
        lane=lane,
        day=day_of(received_at_ms),
        rows=0,
        oldest_ms=received_at_ms,
        newest_ms=received_at_ms,
        size=0,
        content=None,
        object_key=None,
    )


def day_of(moment_ms: int) -> str:
    """The day (UTC, ISO 8601) of a Unix time in milliseconds."""
    return datetime.fromtimestamp(moment_ms / 1000, UTC).date().isoformat()


def object_key_for(tenant_id: str, day: str) -> str:
    """A key that no object has."""
    return f"events/{tenant_id}/{day}/{uuid4().hex}.parquet"


def encode_inline(events: pa.RecordBatch) -> bytes:
    """Events (`EVENT_SCHEMA` or `STORED_EVENT_SCHEMA`) as an Arrow IPC message without schema.

    Not compressed: an erasure looks through the file of the database for what SQLite leaves of
    ids between its records.
    """
    explicit = len(events.schema) == len(STORED_EVENT_SCHEMA)
    return _HEADER.pack(explicit) + events.serialize()


def decode_inline(content: bytes) -> pa.RecordBatch:
    """What `encode_inline` encoded."""
    (explicit,) = _HEADER.unpack_from(content)
    message = pa.py_buffer(content)[_HEADER.size :]
    return pa.ipc.read_record_batch(message, STORED_EVENT_SCHEMA if explicit else EVENT_SCHEMA)


def encode_object(events: pa.RecordBatch | pa.Table, group_rows: int | None = None) -> bytes:
    """Events (`EVENT_SCHEMA` or `STORED_EVENT_SCHEMA`) as Parquet; all are a group by default."""
    table = pa.Table.from_batches([events]) if isinstance(events, pa.RecordBatch) else events
    sink = pa.BufferOutputStream()
    names = table.column_names
    # As keywords in a dictionary: the stubs know them as booleans only.
    choices: dict[str, Any] = {
        "use_dictionary": [name for name in _REPETITIVE if name in names],
        "column_encoding": {name: "DELTA_BINARY_PACKED" for name in _GROWING if name in names},
        "write_statistics": ["user_id", "item_id", "event_type"],
    }
    rows = group_rows or max(1, len(table))
    pq.write_table(
        table, sink, row_group_size=rows, compression="zstd", store_schema=False, **choices
    )
    return sink.getvalue().to_pybytes()


def events_of(
    chunk: Chunk, content: bytes, columns: Sequence[str], where: EventFilter = EVERYTHING
) -> Iterator[pa.RecordBatch]:
    """Some columns (`STORED_EVENT_SCHEMA`) of a chunk's events that match, a batch at a time.

    `content` is the chunk's own, or that of its object. Lanes are not looked at.
    """
    keys = _keys(where)
    groups = _inline_group(content) if chunk.object_key is None else _groups(content, keys)
    for group in groups:
        mask = None
        if keys:
            mask = _matches(group.read(list(keys)), keys)
            if not mask.true_count:
                continue
        batch = _selected(chunk, group, columns)
        yield batch if mask is None else batch.filter(mask)


@dataclass(frozen=True, slots=True)
class _Group:
    """Rows of a chunk that are read together: where they begin, and their columns by name."""

    place: int
    rows: int
    names: Sequence[str]
    read: Callable[[list[str]], pa.RecordBatch]


def _inline_group(content: bytes) -> Iterator[_Group]:
    batch = decode_inline(content)
    yield _Group(0, len(batch), batch.schema.names, batch.select)


def _groups(content: bytes, keys: dict[str, list[str]]) -> Iterator[_Group]:
    file = pq.ParquetFile(pa.BufferReader(content))
    places = {name: number for number, name in enumerate(file.schema_arrow.names)}
    place = 0
    for number in range(file.num_row_groups):
        group = file.metadata.row_group(number)
        if all(_may_hold(group.column(places[name]), values) for name, values in keys.items()):
            yield _Group(place, group.num_rows, list(places), _reader(file, number))
        place += group.num_rows


def _reader(file: pq.ParquetFile, number: int) -> Callable[[list[str]], pa.RecordBatch]:
    def read(names: list[str]) -> pa.RecordBatch:
        table = file.read_row_group(number, columns=names, use_threads=False)
        return table.select(names).combine_chunks().to_batches()[0]

    return read


def _may_hold(column: Any, values: Sequence[str]) -> bool:
    statistics = column.statistics
    if statistics is None or not statistics.has_min_max:
        return True
    place = bisect_left(values, statistics.min)
    return place < len(values) and values[place] <= statistics.max


def _keys(where: EventFilter) -> dict[str, list[str]]:
    given = {
        "user_id": where.user_ids,
        "item_id": where.item_ids,
        "event_type": where.event_types,
        "event_id": where.event_ids,
    }
    return {name: sorted(values) for name, values in given.items() if values is not None}


def _matches(events: pa.RecordBatch, keys: dict[str, list[str]]) -> pa.BooleanArray:
    mask: Any = None
    for name, values in keys.items():
        options = pc.SetLookupOptions(pa.array(values, pa.string()))
        one = pc.call_function("is_in", [events.column(name)], options)
        mask = one if mask is None else pc.call_function("and", [mask, one])
    return mask


def _selected(chunk: Chunk, group: _Group, columns: Sequence[str]) -> pa.RecordBatch:
    present = [name for name in columns if name in group.names]
    batch = group.read(present) if present else None
    arrays: list[pa.Array] = []
    for name in columns:
        if batch is not None and name in present:
            arrays.append(batch.column(name))
        elif name == "sequence":
            first = chunk.first_sequence + group.place
            arrays.append(pa.array(np.arange(first, first + group.rows, dtype=np.int64)))
        else:
            moment = pa.scalar(chunk.oldest_ms, STORED_EVENT_SCHEMA.field(name).type)
            arrays.append(pa.repeat(moment, group.rows))
    schema = pa.schema([STORED_EVENT_SCHEMA.field(name) for name in columns])
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
