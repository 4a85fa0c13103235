"""EventArchive over the chunks of the event log."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backends.availability import available
from backends.ports import ObjectStore
from backends.sql_store import SqlStore
from data_pipeline.adapters.chunk_reader import ChunkReader, chunks_of
from data_pipeline.adapters.chunk_rewriting import ChunkRewriter
from data_pipeline.adapters.event_removals import Removal
from data_pipeline.adapters.marks import MarkKind, last_mark, mark
from data_pipeline.adapters.store import resolved
from data_pipeline.adapters.tables import event_chunks
from data_pipeline.adapters.training_order import COLUMNS, TrainingOrder
from data_pipeline.adapters.user_names import all_owners, named_by_owners, names, owners
from data_pipeline.domain.events import STORED_EVENT_SCHEMA
from data_pipeline.domain.records import EventFilter, EventQuery, EventRecord, StoredEventRecord

_NAMES: Final = STORED_EVENT_SCHEMA.names


class SqlEventArchive(SqlStore):
    """Finds events by reading the chunks, newest first; `folder` is for what is sorted on disk."""

    what = "event log"
    table = event_chunks

    def __init__(self, engine: AsyncEngine, objects: ObjectStore, folder: Path) -> None:
        super().__init__(engine)
        self._chunks = ChunkReader(engine, objects)
        self._rewriter = ChunkRewriter(engine, objects)
        self._order = TrainingOrder(folder)

    async def find(self, tenant_id: str, event_id: str) -> StoredEventRecord | None:
        """An event by its id; the newest, where the window let it come again."""
        where = EventFilter(event_ids=frozenset([event_id]))
        with available(self.what):
            return next(iter(await self._newest(tenant_id, where, None, 1)), None)

    async def page(self, tenant_id: str, query: EventQuery) -> Sequence[StoredEventRecord]:
        """Events, newest stored first."""
        where = EventFilter()
        if query.item_id is not None:
            where = replace(where, item_ids=frozenset([query.item_id]))
        with available(self.what):
            if query.user_id is not None:
                async with self._reading.begin() as connection:
                    owner = await resolved(connection, tenant_id, query.user_id)
                    known = await names(connection, tenant_id, [owner])
                where = replace(where, user_ids=frozenset(known))
            return await self._newest(tenant_id, where, query.before, query.limit)

    async def remove(self, tenant_id: str, event_id: str) -> int | None:
        """Remove an event, and mark its user and its item."""
        where = EventFilter(event_ids=frozenset([event_id]))

        async def choose(_: AsyncConnection) -> EventFilter:
            return where

        with available(self.what):
            async with self._rewriter.removing(tenant_id, Removal.REMOVED, choose) as (
                connection,
                removed,
            ):
                if not len(removed):
                    return None
                user_ids = set(removed.column("user_id").to_pylist())
                named = await owners(connection, tenant_id, user_ids)
                user_ids = {named.get(user_id, user_id) for user_id in user_ids}
                item_ids = set(removed.column("item_id").to_pylist())
                await mark(connection, tenant_id, MarkKind.HISTORY, sorted(user_ids))
                await mark(connection, tenant_id, MarkKind.ITEM_COUNT, sorted(item_ids))
                return await last_mark(connection)

    async def training_events(self, tenant_id: str, rows: int) -> AsyncGenerator[pa.RecordBatch]:
        """A tenant's events at one moment by user, time and content."""
        with available(self.what):
            # The names first: an id that is merged meanwhile is as before in all events.
            async with self._reading.begin() as connection:
                named = await all_owners(connection, tenant_id)
            scan = self._chunks.scan(tenant_id, COLUMNS)
            async with aclosing(self._order.sorted(scan, named, rows)) as batches:
                async for batch in batches:
                    yield batch

    async def _newest(
        self, tenant_id: str, where: EventFilter, before: int | None, limit: int
    ) -> Sequence[StoredEventRecord]:
        """The chunks overlap, so reading ends where no later one can hold a newer event."""
        query = chunks_of(tenant_id).order_by(event_chunks.c.last_sequence.desc())
        if before is not None:
            query = query.where(event_chunks.c.first_sequence < before)
        found = STORED_EVENT_SCHEMA.empty_table()
        async with aclosing(self._chunks.walk(query)) as chunks:
            async for chunk in chunks:
                if len(found) == limit and chunk.last_sequence < _oldest(found):
                    break
                batches = await self._chunks.events(chunk, _NAMES, where)
                found = _newest_of(pa.concat_tables([found, _table(batches)]), before, limit)
        if not len(found):
            return []
        (batch,) = found.combine_chunks().to_batches()
        async with self._reading.begin() as connection:
            batch = await named_by_owners(connection, tenant_id, batch)
        return _records(batch)


def _table(batches: Sequence[pa.RecordBatch]) -> pa.Table:
    return pa.Table.from_batches(batches, STORED_EVENT_SCHEMA)


def _oldest(found: pa.Table) -> int:
    return found.column("sequence")[len(found) - 1].as_py()


def _newest_of(events: pa.Table, before: int | None, limit: int) -> pa.Table:
    if before is not None:
        events = events.filter(pc.field("sequence") < before)
    return events.sort_by([("sequence", "descending")]).slice(0, limit)


def _records(events: pa.RecordBatch) -> list[StoredEventRecord]:
    # Times in milliseconds, as whole numbers.
    columns = [
        column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
        for column in events.columns
    ]
    rows = zip(*(column.to_pylist() for column in columns), strict=True)
    return [StoredEventRecord(row[0], EventRecord(*row[1:-1]), row[-1]) for row in rows]
