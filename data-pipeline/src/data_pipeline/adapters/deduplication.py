"""Keeps the indexes of seen event ids up to date with the log, one user at a time for each."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any
from weakref import WeakValueDictionary

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backends.finishing import until_done
from data_pipeline.adapters.chunk_reader import ChunkReader, read_chunks
from data_pipeline.adapters.seen_ids import SeenIds, SeenIdsStore, hash_ids
from data_pipeline.adapters.seen_ids.hashes import from_keys
from data_pipeline.adapters.tables import counters, event_chunks, removed_event_ids

EVENT_COUNTER = "events"
"""The counter that orders the events of all tenants."""


class Deduplication:
    """Lends the index of a tenant, and brings it up to date from the log.

    Reading takes the removals and the chunks of one moment: an id that was removed and then sent
    again must be forgotten first.
    """

    def __init__(self, seen: SeenIdsStore, chunks: ChunkReader) -> None:
        self._seen = seen
        self._chunks = chunks
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def lent(self, tenant_id: str) -> AsyncGenerator[SeenIds]:
        """The index of a tenant, for nobody else within the block."""
        lock = self._locks.setdefault(tenant_id, asyncio.Lock())
        async with lock, _entered(self._seen.of(tenant_id)) as seen:
            yield seen

    async def is_behind(self, connection: AsyncConnection, tenant_id: str, seen: SeenIds) -> bool:
        """Whether the log has something that an index does not know of."""
        heads = (await connection.execute(_heads(tenant_id))).one()
        if heads.taken < seen.sequence:
            await asyncio.to_thread(seen.clear)
        return heads.last > seen.sequence or heads.removal > seen.removal

    async def catch_up(self, connection: AsyncConnection, tenant_id: str, seen: SeenIds) -> None:
        """Let an index follow the log.

        The connection may hold locks, whose others wait with all those of the pool: no second one
        is taken.
        """
        if not await self.is_behind(connection, tenant_id, seen):
            return
        for sequence, hashes in await _removals_and_chunks(connection, tenant_id, seen):
            if hashes is not None:
                await asyncio.to_thread(seen.forget, from_keys(hashes), sequence)
                continue
            # One that is gone was merged into a later one; one may have lost all its events.
            query = sa.select(event_chunks).where(event_chunks.c.last_sequence == sequence)
            for chunk in await read_chunks(connection, query):
                batches = await self._chunks.events(chunk, ["event_id"], within=connection)
                await asyncio.to_thread(_add, seen, batches, chunk.newest_ms, sequence)


@asynccontextmanager
async def _entered(block: AbstractContextManager[SeenIds]) -> AsyncGenerator[SeenIds]:
    """A block that is begun in a thread, since an index is opened there."""
    entering = asyncio.ensure_future(asyncio.to_thread(block.__enter__))
    try:
        yield await asyncio.shield(entering)
    finally:
        # Who gives up waits too: what was opened must be left.
        await until_done(entering)
        if entering.exception() is None:
            block.__exit__(None, None, None)


def _heads(tenant_id: str) -> sa.Select[*tuple[Any, ...]]:
    taken = sa.select(counters.c.value).where(counters.c.name == EVENT_COUNTER)
    last = sa.select(sa.func.coalesce(sa.func.max(event_chunks.c.last_sequence), 0))
    removal = sa.select(sa.func.coalesce(sa.func.max(removed_event_ids.c.sequence), 0))
    return sa.select(
        taken.scalar_subquery().label("taken"),
        last.where(event_chunks.c.tenant_id == tenant_id).scalar_subquery().label("last"),
        removal.where(removed_event_ids.c.tenant_id == tenant_id)
        .scalar_subquery()
        .label("removal"),
    )


async def _removals_and_chunks(
    connection: AsyncConnection, tenant_id: str, seen: SeenIds
) -> list[tuple[int, bytes | None]]:
    removals = sa.select(
        sa.literal(0).label("part"), removed_event_ids.c.sequence, removed_event_ids.c.hashes
    ).where(removed_event_ids.c.tenant_id == tenant_id, removed_event_ids.c.sequence > seen.removal)
    chunks = sa.select(sa.literal(1), event_chunks.c.last_sequence, sa.null()).where(
        event_chunks.c.tenant_id == tenant_id, event_chunks.c.last_sequence > seen.sequence
    )
    query = sa.union_all(removals, chunks).order_by("part", "sequence")
    return [(sequence, hashes) for _, sequence, hashes in await connection.execute(query)]


def _add(
    seen: SeenIds, batches: Sequence[pa.RecordBatch], received_at_ms: int, sequence: int
) -> None:
    # At once: an index that knows of the sequence must have all of the chunk, whenever it ends.
    ids = pa.chunked_array([batch.column("event_id") for batch in batches], pa.string())
    seen.add(hash_ids(ids), received_at_ms, sequence)
