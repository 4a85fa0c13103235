"""Brings a tenant's events into the order of a training snapshot, on disk where memory is short."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Final

import duckdb
import pyarrow as pa

from data_pipeline.domain.events import STORED_EVENT_SCHEMA

COLUMNS: Final = ("sequence", "user_id", "item_id", "event_type", "timestamp", "value")
"""What of an event is trained on."""

MEMORY_LIMIT: Final = "512MB"

_SCHEMA: Final = pa.schema([STORED_EVENT_SCHEMA.field(name) for name in COLUMNS])
_INSERT: Final = """
    INSERT INTO events
    SELECT sequence, coalesce(owner, user_id), item_id, event_type, epoch_ms("timestamp"), "value"
    FROM batch LEFT JOIN owners ON merged_id = user_id
"""
# By content alone, so that the order of arrival leaves no trace in a snapshot.
_SORTED: Final = """
    SELECT sequence, user_id, item_id, event_type, moment, "value" FROM events
    ORDER BY user_id, moment, item_id, event_type, "value" NULLS FIRST
"""


class TrainingOrder:
    """Sorts with DuckDB; `folder` is for what does not fit into memory, and emptied at first."""

    def __init__(self, folder: Path) -> None:
        rmtree(folder, ignore_errors=True)
        self._folder = folder

    async def sorted(
        self, events: AsyncGenerator[pa.RecordBatch], owners: Mapping[str, str], rows: int
    ) -> AsyncGenerator[pa.RecordBatch]:
        """Events (`COLUMNS`) by user, time, item, type and value, exactly `rows` at a time.

        `owners` are the users whose names some of the user ids are.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with (
            TemporaryDirectory(dir=self._folder) as folder,
            duckdb.connect(":memory:", config=_config(folder)) as database,
        ):
            await asyncio.to_thread(_create, database, owners)
            async with aclosing(events):
                async for batch in events:
                    await asyncio.to_thread(_insert, database, batch)
            reader = await asyncio.to_thread(_read, database, rows)
            batches = _exactly(reader, rows)
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                yield batch


def _config(folder: str) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": folder,
        "preserve_insertion_order": False,
        "threads": 2,
    }


def _create(database: duckdb.DuckDBPyConnection, owners: Mapping[str, str]) -> None:
    merged = pa.table(
        {
            "merged_id": pa.array(list(owners), pa.string()),
            "owner": pa.array(list(owners.values()), pa.string()),
        }
    )
    database.register("merged", merged)
    database.execute("CREATE TABLE owners AS SELECT * FROM merged")
    database.execute(
        "CREATE TABLE events (sequence BIGINT, user_id VARCHAR, item_id VARCHAR, "
        'event_type VARCHAR, moment BIGINT, "value" DOUBLE)'
    )


def _insert(database: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> None:
    database.register("batch", batch)
    database.execute(_INSERT)
    database.unregister("batch")


def _read(database: duckdb.DuckDBPyConnection, rows: int) -> pa.RecordBatchReader:
    return database.sql(_SORTED).to_arrow_reader(rows)


def _exactly(reader: pa.RecordBatchReader, rows: int) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of one size; only the last may have fewer."""
    left = _SCHEMA.empty_table()
    for batch in reader:
        arrays = [
            column.cast(field.type) for column, field in zip(batch.columns, _SCHEMA, strict=True)
        ]
        left = pa.concat_tables([left, pa.Table.from_arrays(arrays, schema=_SCHEMA)])
        while len(left) >= rows:
            yield _one_batch(left.slice(0, rows))
            left = left.slice(rows)
    if len(left):
        yield _one_batch(left)


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    (batch,) = table.combine_chunks().to_batches()
    return batch
