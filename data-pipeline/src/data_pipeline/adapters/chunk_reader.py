"""Reads the events of chunks, from their rows and from their objects."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, nullcontext
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backends.database import reading
from backends.ports import ObjectStore, PortUnavailable
from data_pipeline.adapters.event_chunks import EVERYTHING, Chunk, events_of
from data_pipeline.adapters.tables import event_chunks
from data_pipeline.domain.deliveries import Lane
from data_pipeline.domain.records import EventFilter

CHUNKS_AT_ONCE: Final = 16
"""How many rows of chunks are in memory while their events are read."""

SMALL_BYTES: Final = 16_384
"""Content that is decoded where it is: handing it to a thread takes longer."""


ChunkQuery = sa.Select[*tuple[Any, ...]]
"""A query of all columns of the chunks."""


class ChunkReader:
    """Reads chunks by their rows.

    A chunk that was rewritten meanwhile is read as it is now. One that is gone together with its
    object was merged into another one, and the reader has to begin anew: that takes a compaction
    and an erasure during one read.
    """

    def __init__(self, engine: AsyncEngine, objects: ObjectStore) -> None:
        self._reading = reading(engine)
        self._objects = objects

    async def scan(
        self, tenant_id: str, columns: Sequence[str], where: EventFilter = EVERYTHING
    ) -> AsyncGenerator[pa.RecordBatch]:
        """A tenant's events at the moment of one statement, whatever is written meanwhile."""
        query = chunks_of(tenant_id, where.upto).order_by(event_chunks.c.last_sequence)
        async with aclosing(self.walk(query)) as chunks:
            async for chunk in chunks:
                for batch in await self.events(chunk, columns, where):
                    yield batch

    async def walk(self, query: ChunkQuery) -> AsyncGenerator[Chunk]:
        """The chunks that a query of all columns finds, some in memory at a time."""
        async with self._reading.begin() as connection:
            options = {"yield_per": CHUNKS_AT_ONCE}
            rows = await connection.stream(query, execution_options=options)
            async for row in rows:
                yield Chunk._make(row)

    async def events(
        self,
        chunk: Chunk,
        columns: Sequence[str],
        where: EventFilter = EVERYTHING,
        within: AsyncConnection | None = None,
    ) -> Sequence[pa.RecordBatch]:
        """Some columns (`STORED_EVENT_SCHEMA`) of a chunk's events that match.

        `within` is the connection to read by, where not any of the pool.

        Raises:
            PortUnavailable: the object cannot be read, or the chunk is no more.
        """
        if not chunk.rows:
            return []
        chunk, content = await self._with_content(chunk, within)
        if content is None:
            return []
        if chunk.size <= SMALL_BYTES:
            return list(events_of(chunk, content, columns, where))
        return await asyncio.to_thread(lambda: list(events_of(chunk, content, columns, where)))

    async def _with_content(
        self, chunk: Chunk, within: AsyncConnection | None
    ) -> tuple[Chunk, bytes | None]:
        while chunk.object_key is not None:
            try:
                return chunk, await self._objects.get(chunk.object_key)
            except KeyError:
                now = await self._again(chunk, within)
                if now.object_key == chunk.object_key:
                    raise PortUnavailable(f"the object {chunk.object_key} is lost") from None
                chunk = now
        return chunk, chunk.content

    async def _again(self, chunk: Chunk, within: AsyncConnection | None) -> Chunk:
        query = sa.select(event_chunks).where(event_chunks.c.last_sequence == chunk.last_sequence)
        async with nullcontext(within) if within else self._reading.begin() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None or row.first_sequence != chunk.first_sequence:
            raise PortUnavailable("the event log was rewritten while it was read: try again")
        return Chunk._make(row)


def chunks_of(tenant_id: str, upto: Mapping[Lane, int] | None = None) -> ChunkQuery:
    """The chunks of a tenant that have events; of the lanes in `upto` those up to their sequence.

    The position of a lane is that of whole chunks, so their sequences decide, not those of events.
    """
    query = sa.select(event_chunks).where(
        event_chunks.c.tenant_id == tenant_id, event_chunks.c.rows > 0
    )
    if upto is None:
        return query
    followed = [
        sa.and_(event_chunks.c.lane == lane, event_chunks.c.last_sequence <= sequence)
        for lane, sequence in upto.items()
    ]
    return query.where(sa.or_(sa.false(), *followed))


async def read_chunks(connection: AsyncConnection, query: ChunkQuery) -> Sequence[Chunk]:
    """The chunks that a query of all columns finds."""
    return [Chunk._make(row) for row in await connection.execute(query)]
