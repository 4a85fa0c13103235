"""What a tenant has, frozen into the files of a training snapshot."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from backends.snapshots import EVENT_SCHEMA, ITEM_SCHEMA
from backends.table_files import TableFile, TableWriter, writing_table
from data_pipeline.domain.records import TrainingItem

ChunkT = TypeVar("ChunkT")

_VALUE: Final = EVENT_SCHEMA.get_field_index("value")


@dataclass(frozen=True, slots=True)
class FrozenEvents:
    """The file of the events, the types that they have, and the sequence of the newest."""

    file: TableFile
    types: frozenset[str]
    last_sequence: int

    def weights(self, known: Mapping[str, float]) -> Mapping[str, float]:
        """The known weights, and 0 for every other type of the events."""
        return dict.fromkeys(self.types, 0.0) | dict(known)


async def freeze_events(batches: AsyncGenerator[pa.RecordBatch], path: Path) -> FrozenEvents:
    """Write events (`EVENT_SCHEMA` and `sequence`) to a file, each batch a row group."""
    with writing_table(path, EVENT_SCHEMA) as table:
        events = _Events(table)
        await _add_all(events.add, batches)
        file = await asyncio.to_thread(table.finish)
    return FrozenEvents(file, frozenset(events.types), events.last_sequence)


async def freeze_items(chunks: AsyncGenerator[Sequence[TrainingItem]], path: Path) -> TableFile:
    """Write items to a file, each chunk a row group."""
    with writing_table(path, ITEM_SCHEMA) as table:
        await _add_all(lambda rows: table.add(_item_batch(rows)), chunks)
        return await asyncio.to_thread(table.finish)


class _Events:
    def __init__(self, table: TableWriter) -> None:
        self._table = table
        self.types: set[str] = set()
        self.last_sequence = 0

    def add(self, batch: pa.RecordBatch) -> None:
        self.types.update(batch.column("event_type").unique().to_pylist())
        self.last_sequence = max(self.last_sequence, int(batch.column("sequence").to_numpy().max()))
        columns = batch.select(EVENT_SCHEMA.names)
        # Sorted as one, 0.0 and -0.0 would come in any order.
        values = pc.call_function("add", [columns.column(_VALUE), pa.scalar(0.0)])
        self._table.add(columns.set_column(_VALUE, EVENT_SCHEMA.field(_VALUE), values))


def _item_batch(rows: Sequence[TrainingItem]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    arrays = [
        pa.array(column, field.type) for column, field in zip(columns, ITEM_SCHEMA, strict=True)
    ]
    return pa.record_batch(arrays, schema=ITEM_SCHEMA)


async def _add_all(add: Callable[[ChunkT], None], chunks: AsyncGenerator[ChunkT]) -> None:
    async with aclosing(chunks):
        async for chunk in chunks:
            await asyncio.to_thread(add, chunk)
