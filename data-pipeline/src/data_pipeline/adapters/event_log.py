"""EventLog in a relational database and an object store."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backends.availability import available
from backends.ports import ObjectStore, PortUnavailable
from backends.sql_store import SqlStore
from backends.threads import beside
from data_pipeline.adapters.chunk_reader import ChunkReader, read_chunks
from data_pipeline.adapters.deduplication import EVENT_COUNTER, Deduplication
from data_pipeline.adapters.event_chunks import (
    INLINE_ROWS,
    Chunk,
    encode_inline,
    encode_object,
    new_chunk,
    object_key_for,
)
from data_pipeline.adapters.loose_objects import bind, remove_own, write_loose
from data_pipeline.adapters.seen_ids import SeenIds, SeenIdsStore, hash_ids
from data_pipeline.adapters.store import take_sequences
from data_pipeline.adapters.tables import event_chunks
from data_pipeline.adapters.transactions import on_commit, transaction
from data_pipeline.adapters.user_names import named_by_owners
from data_pipeline.domain.deliveries import Lane
from data_pipeline.domain.events import STORED_EVENT_SCHEMA
from data_pipeline.domain.records import EventFilter, EventPage, StagedEvents, Stored

PAGE_CHUNKS: Final = 1_000
"""How many chunks a page has at most."""


@dataclass(slots=True)
class _Staged:
    """New events of one delivery, encoded; `hashes` are those of their ids, shape (new, 2)."""

    chunk: Chunk
    seen: SeenIds
    events: pa.RecordBatch
    hashes: npt.NDArray[np.uint64]
    duplicates: int
    last_sequence: int | None = None

    @property
    def new(self) -> int:
        return len(self.events)

    def keep(self, unseen: npt.NDArray[np.bool_]) -> None:
        """Go on with those that are unseen; the others are duplicates."""
        self.duplicates += len(unseen) - int(unseen.sum())
        if not unseen.all():
            self.events = self.events.filter(pa.array(unseen))
            self.hashes = self.hashes[unseen]

    def committed(self) -> None:
        self.last_sequence = self.chunk.last_sequence


class SqlEventLog(SqlStore):
    """A row per chunk. Sequences are taken under a lock, so they become visible in their order.

    An object is written before the transaction of its chunk, and noted as a loose one until then.
    """

    what = "event log"
    table = event_chunks

    def __init__(self, engine: AsyncEngine, objects: ObjectStore, seen: SeenIdsStore) -> None:
        super().__init__(engine)
        self._objects = objects
        self._chunks = ChunkReader(engine, objects)
        self._deduplication = Deduplication(seen, self._chunks)
        self._stored: WeakKeyDictionary[AsyncConnection, set[str]] = WeakKeyDictionary()

    @asynccontextmanager
    async def staged(
        self, tenant_id: str, events: pa.RecordBatch, received_at_ms: int, lane: Lane
    ) -> AsyncGenerator[StagedEvents]:
        """A block in which the new ones of some events are ready to be stored."""
        chunk = new_chunk(tenant_id, lane, received_at_ms, 0)
        hashing = beside(len(events), hash_ids, events.column("event_id"))
        if len(events) > INLINE_ROWS:
            # As if all were new, since most often they are: meanwhile others of the tenant go on.
            with available(self.what):
                hashes, chunk = await asyncio.gather(hashing, self._as_object(chunk, events))
        else:
            hashes = await hashing
        async with self._deduplication.lent(tenant_id) as seen:
            with available(self.what):
                async with self._reading.begin() as connection:
                    await self._deduplication.catch_up(connection, tenant_id, seen)
            unseen = await asyncio.to_thread(_unseen, seen, hashes, received_at_ms)
            staged = _Staged(chunk, seen, events, hashes, 0)
            staged.keep(unseen)
            try:
                if chunk.object_key is None or not unseen.all():
                    with available(self.what):
                        await self._encode(staged)
                yield staged
            finally:
                await self._settle(staged)

    async def store(self, staged: StagedEvents) -> Stored:
        """Insert the row of the chunk; the index learns of it after the commit."""
        assert isinstance(staged, _Staged)  # noqa: S101 - what `staged` gave
        if not staged.new:
            return Stored(0, staged.duplicates, 0)
        with available(self.what):
            async with transaction(self._engine) as connection:
                # First, since it takes the lock under which the log is compared with the index.
                last = await take_sequences(connection, EVENT_COUNTER, staged.new)
                await self._restage(connection, staged)
                if not staged.new:
                    return Stored(0, staged.duplicates, 0)
                first = last - staged.new + 1
                chunk = staged.chunk._replace(first_sequence=first, last_sequence=last)
                if chunk.object_key is not None and not await bind(connection, chunk.object_key):
                    raise PortUnavailable("the events were removed by an erasure: send them again")
                await connection.execute(event_chunks.insert(), chunk._asdict())
                staged.chunk = chunk
                on_commit(connection, staged.committed)
        return Stored(staged.new, staged.duplicates, last)

    async def read_after(self, lane: Lane, sequence: int, rows: int) -> EventPage:
        """Whole chunks, until they have as many rows."""
        last = event_chunks.c.last_sequence
        after = (event_chunks.c.lane == lane, last > sequence)
        heads = sa.select(last, event_chunks.c.rows).where(*after).order_by(last)
        with available(self.what):
            async with self._reading.begin() as connection:
                found = (await connection.execute(heads.limit(PAGE_CHUNKS))).all()
                if not found:
                    return EventPage([], sequence, more=False)
                totals = np.cumsum([head.rows for head in found])
                place = min(int(np.searchsorted(totals, rows)), len(found) - 1)
                end: int = found[place].last_sequence
                query = sa.select(event_chunks).where(*after, last <= end).order_by(last)
                chunks = await read_chunks(connection, query)
            batches = [pair for chunk in chunks for pair in await self._named(chunk)]
        more = place + 1 < len(found) or len(found) == PAGE_CHUNKS
        return EventPage(batches, end, more)

    async def scan(
        self, tenant_id: str, columns: Sequence[str], where: EventFilter
    ) -> AsyncGenerator[pa.RecordBatch]:
        """Some columns of a tenant's stored events at one moment."""
        with available(self.what):
            async with aclosing(self._chunks.scan(tenant_id, columns, where)) as batches:
                async for batch in batches:
                    yield batch

    async def _named(self, chunk: Chunk) -> list[tuple[str, pa.RecordBatch]]:
        names = STORED_EVENT_SCHEMA.names
        batches = await self._chunks.events(chunk, names)
        async with self._reading.begin() as connection:
            return [
                (chunk.tenant_id, await named_by_owners(connection, chunk.tenant_id, batch))
                for batch in batches
            ]

    async def _as_object(self, chunk: Chunk, events: pa.RecordBatch) -> Chunk:
        """The chunk with an object that has these events."""
        key = object_key_for(chunk.tenant_id, chunk.day)
        content = await asyncio.to_thread(encode_object, events)
        await write_loose(self._engine, self._objects, chunk.tenant_id, key, content)
        return chunk.holding(len(events), len(content), None, key)

    async def _encode(self, staged: _Staged) -> None:
        """Make the content of the chunk anew; an object keeps its key."""
        chunk, rows = staged.chunk, staged.new
        if not rows:
            staged.chunk = chunk.holding(0, 0, None, chunk.object_key)
        elif chunk.object_key is None:
            content = await beside(rows, encode_inline, staged.events)
            staged.chunk = chunk.holding(rows, len(content), content, None)
        else:
            content = await asyncio.to_thread(encode_object, staged.events)
            staged.chunk = chunk.holding(rows, len(content), None, chunk.object_key)
            await self._objects.put(chunk.object_key, content)

    async def _restage(self, connection: AsyncConnection, staged: _Staged) -> None:
        """Look again, where another replica stored events of the tenant since they were staged."""
        tenant_id, seen = staged.chunk.tenant_id, staged.seen
        # What the index learns here must be committed: it outlives this transaction.
        stored = self._stored.setdefault(connection, set())
        if tenant_id in stored:
            raise RuntimeError("a transaction stores events of a tenant in one block only")
        stored.add(tenant_id)
        if not await self._deduplication.is_behind(connection, tenant_id, seen):
            return
        await self._deduplication.catch_up(connection, tenant_id, seen)
        unseen = await asyncio.to_thread(seen.unseen, staged.hashes)
        if not unseen.all():
            staged.keep(unseen)
            await self._encode(staged)

    async def _settle(self, staged: _Staged) -> None:
        if staged.last_sequence is not None:
            received_at_ms = staged.chunk.newest_ms
            add = staged.seen.add
            await asyncio.to_thread(add, staged.hashes, received_at_ms, staged.last_sequence)
        elif staged.chunk.object_key is not None:
            # What cannot be removed now is swept later.
            with suppress(PortUnavailable), available(self.what):
                await remove_own(self._engine, self._objects, staged.chunk.object_key)


def _unseen(
    seen: SeenIds, hashes: npt.NDArray[np.uint64], received_at_ms: int
) -> npt.NDArray[np.bool_]:
    seen.expire(received_at_ms)
    return seen.unseen(hashes)
