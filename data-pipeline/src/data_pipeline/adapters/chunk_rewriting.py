"""Takes events out of the log: the chunks that hold them are written anew without them."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backends.availability import available
from backends.database import reading
from backends.ports import ObjectStore, PortUnavailable
from data_pipeline.adapters.chunk_reader import ChunkReader, chunks_of, read_chunks
from data_pipeline.adapters.deduplication import EVENT_COUNTER
from data_pipeline.adapters.event_chunks import (
    INLINE_ROWS,
    SORTED_GROUP_ROWS,
    Chunk,
    encode_inline,
    encode_object,
    object_key_for,
)
from data_pipeline.adapters.event_removals import Removal, count_removed
from data_pipeline.adapters.loose_objects import bind, loosen, remove_loose, write_loose
from data_pipeline.adapters.seen_ids import hash_ids
from data_pipeline.adapters.store import take_sequences
from data_pipeline.adapters.tables import event_chunks, loose_objects, removed_event_ids
from data_pipeline.adapters.transactions import transaction
from data_pipeline.domain.events import STORED_EVENT_SCHEMA
from data_pipeline.domain.records import EventFilter

_REMOVED: Final = ("sequence", "event_id", "user_id", "item_id")
_HEAD: Final = [column for column in event_chunks.c if column.name != "content"]
_State = tuple[int, int, str | None]

Choice = Callable[[AsyncConnection], Awaitable[EventFilter]]
"""Says which events go, by what a connection reads."""


class Removed(NamedTuple):
    """Events that were taken out: their columns sequence, event_id, user_id and item_id."""

    connection: AsyncConnection
    events: pa.Table


class _Rewritten(NamedTuple):
    chunk: Chunk
    removed: pa.Table


class ChunkRewriter:
    """Rewrites chunks beside the log, then puts them in place in one transaction.

    The sequences of a chunk stay as they were, those of its events too: whoever follows the log
    has passed both or neither. The objects that were replaced become loose.
    """

    def __init__(self, engine: AsyncEngine, objects: ObjectStore) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._objects = objects
        self._chunks = ChunkReader(engine, objects)

    @asynccontextmanager
    async def removing(
        self, tenant_id: str, why: Removal, choose: Choice
    ) -> AsyncGenerator[Removed]:
        """The transaction that takes the chosen events out, and whatever else its block does."""
        work = _Work(self._engine, self._objects, self._chunks, tenant_id)
        try:
            while True:
                async with self._reading.begin() as connection:
                    work.choose(await choose(connection))
                await work.survey()
                async with transaction(self._engine) as connection:
                    # First, since it takes the lock under which nobody writes to the log.
                    await take_sequences(connection, EVENT_COUNTER, 0)
                    still = await choose(connection) == work.where
                    if still and await work.complete(connection):
                        removed = await work.apply(connection)
                        await count_removed(connection, tenant_id, why, len(removed))
                        yield Removed(connection, removed)
                        return
        finally:
            if work.written:
                # What cannot be removed now is swept later.
                with suppress(PortUnavailable), available("event log"):
                    unused = loose_objects.c.object_key.in_(work.written)
                    await remove_loose(self._engine, self._objects, unused)


class _Work:
    """What is known of each chunk of a tenant: that it stays, or how it looks afterwards."""

    def __init__(
        self, engine: AsyncEngine, objects: ObjectStore, chunks: ChunkReader, tenant_id: str
    ) -> None:
        self._engine = engine
        self._objects = objects
        self._chunks = chunks
        self._tenant_id = tenant_id
        self._known: dict[_State, _Rewritten | None] = {}
        self.where = EventFilter()
        self.written: list[str] = []

    def choose(self, where: EventFilter) -> None:
        if where != self.where:
            self._known.clear()
            self.where = where

    async def survey(self) -> None:
        """Look at all chunks, outside of any transaction."""
        async with aclosing(self._chunks.walk(chunks_of(self._tenant_id))) as chunks:
            async for chunk in chunks:
                if _state(chunk) not in self._known:
                    await self._look(chunk)

    async def complete(self, connection: AsyncConnection) -> bool:
        """Look at what came meanwhile; False where that is an object and takes too long here."""
        heads = sa.select(*_HEAD).where(
            event_chunks.c.tenant_id == self._tenant_id, event_chunks.c.rows > 0
        )
        found = (await connection.execute(heads)).all()
        present = {(head.last_sequence, head.rows, head.object_key) for head in found}
        self._known = {state: self._known[state] for state in self._known.keys() & present}
        for last_sequence, _, object_key in sorted(present - self._known.keys()):
            if object_key is not None:
                return False
            this = event_chunks.c.last_sequence == last_sequence
            for chunk in await read_chunks(connection, chunks_of(self._tenant_id).where(this)):
                await self._look(chunk)
        return True

    async def apply(self, connection: AsyncConnection) -> pa.Table:
        """Put the chunks in place; the events that are gone by that."""
        rewritten = [one for one in self._known.values() if one is not None]
        for one in rewritten:
            key = one.chunk.object_key
            if key is not None and not await bind(connection, key):
                raise PortUnavailable("the events were removed by another erasure: try again")
            this = event_chunks.c.last_sequence == one.chunk.last_sequence
            await connection.execute(event_chunks.update().where(this).values(one.chunk._asdict()))
        old = [key for (_, _, key), one in self._known.items() if one is not None and key]
        await loosen(connection, self._tenant_id, old)
        schema = pa.schema([STORED_EVENT_SCHEMA.field(name) for name in _REMOVED])
        removed = pa.concat_tables([schema.empty_table(), *(one.removed for one in rewritten)])
        if len(removed):
            row = {
                "tenant_id": self._tenant_id,
                "hashes": hash_ids(removed.column("event_id")).tobytes(),
                "removed_at_ms": time.time_ns() // 1_000_000,
            }
            await connection.execute(removed_event_ids.insert(), row)
        return removed

    async def _look(self, chunk: Chunk) -> None:
        found = await self._chunks.events(chunk, _REMOVED, self.where)
        self._known[_state(chunk)] = await self._without(chunk, found) if found else None

    async def _without(self, chunk: Chunk, found: Sequence[pa.RecordBatch]) -> _Rewritten:
        removed = pa.Table.from_batches(found)
        batches = await self._chunks.events(chunk, STORED_EVENT_SCHEMA.names)
        left = await asyncio.to_thread(_left, batches, removed.column("sequence"))
        if not len(left):
            return _Rewritten(chunk.holding(0, 0, None, None), removed)
        if len(left) <= INLINE_ROWS:
            batch = left.combine_chunks().to_batches()[0]
            content = await asyncio.to_thread(encode_inline, batch)
            return _Rewritten(chunk.holding(len(left), len(content), content, None), removed)
        groups = SORTED_GROUP_ROWS if len(batches) > 1 else None
        content = await asyncio.to_thread(encode_object, left, groups)
        key = object_key_for(self._tenant_id, chunk.day)
        self.written.append(key)
        await write_loose(self._engine, self._objects, self._tenant_id, key, content)
        return _Rewritten(chunk.holding(len(left), len(content), None, key), removed)


def _state(chunk: Chunk) -> _State:
    # Each rewriting leaves fewer events or another object.
    return chunk.last_sequence, chunk.rows, chunk.object_key


def _left(batches: Sequence[pa.RecordBatch], sequences: pa.ChunkedArray) -> pa.Table:
    table = pa.Table.from_batches(batches, STORED_EVENT_SCHEMA)
    gone = pc.call_function(
        "is_in", [table.column("sequence")], pc.SetLookupOptions(sequences.combine_chunks())
    )
    return table.filter(pc.call_function("invert", [gone]))
