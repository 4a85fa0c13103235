"""ChunkStore in a relational database and an object store."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backends.availability import available
from backends.ports import ObjectStore
from backends.sql_store import SqlStore
from data_pipeline.adapters.chunk_merging import MergedEvents, merged_events
from data_pipeline.adapters.chunk_reader import ChunkReader, read_chunks
from data_pipeline.adapters.deduplication import EVENT_COUNTER
from data_pipeline.adapters.event_chunks import Chunk, object_key_for
from data_pipeline.adapters.event_removals import Removal, count_removed
from data_pipeline.adapters.loose_objects import bind, loosen, remove_loose, write_loose
from data_pipeline.adapters.store import take_sequences
from data_pipeline.adapters.tables import event_chunks, loose_objects
from data_pipeline.adapters.transactions import transaction
from data_pipeline.domain.chunk_store import (
    CHUNK_ROWS,
    SMALL_ROWS,
    ChunkGroup,
    Kind,
    Merged,
    Positions,
)
from data_pipeline.domain.deliveries import Lane

MERGED_BYTES: Final = 32 * 1024 * 1024
MERGED_CHUNKS: Final = 1_024
"""So much is merged at once: what is small is in memory as a whole."""

DROPPED_CHUNKS: Final = 500
SWEPT_OBJECTS: Final = 100
"""So many in one transaction: others write to the database too."""

GRACE_MS: Final = 3_600_000
"""For so long an object that no chunk names may still be read, or be on its way in."""

_PREFIX: Final = "events/"
_T: Final = event_chunks.c
_STATE: Final = (_T.last_sequence, _T.first_sequence, _T.rows, _T.size, _T.object_key)
_INLINE: Final = _T.object_key.is_(None)
_KINDS: Final[Mapping[Kind, sa.ColumnElement[bool]]] = {
    Kind.INLINE: _INLINE,
    Kind.OBJECTS: sa.not_(_INLINE),
    Kind.ALL: sa.true(),
}


class SqlChunkStore(SqlStore):
    """Works beside the log, in short transactions of its own."""

    what = "event log"
    table = event_chunks

    def __init__(self, engine: AsyncEngine, objects: ObjectStore) -> None:
        super().__init__(engine)
        self._objects = objects
        self._reader = ChunkReader(engine, objects)
        self._strays: dict[str, int] = {}

    async def groups(self, upto: Mapping[Lane, int]) -> Sequence[ChunkGroup]:
        """One statement over an index of all chunks."""

        def of_inline(value: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
            return sa.func.sum(sa.case((_INLINE, value), else_=0))

        counts = (of_inline(sa.literal(1)), of_inline(_T.rows), of_inline(_T.size))
        objects = sa.func.sum(sa.case((_INLINE, 0), else_=1))
        key = (_T.tenant_id, _T.lane, _T.day)
        query = sa.select(*key, *counts, objects).where(_small(upto))
        query = query.group_by(*key).having(sa.func.count() > 1).order_by(*key)
        with available(self.what):
            async with self._reading.begin() as connection:
                rows = (await connection.execute(query)).all()
        return [
            ChunkGroup(tenant_id, Lane(lane), day, *map(int, counted))
            for tenant_id, lane, day, *counted in rows
        ]

    async def merge(self, group: ChunkGroup, kind: Kind, positions: Positions) -> Merged | None:
        """Write the events of some chunks anew, sorted, and put them in their place."""
        with available(self.what):
            chunks = await self._chosen(group, kind, await positions())
            if len(chunks) < 2:
                return None
            merged = await merged_events(self._reader, chunks)
            new = await self._written(_joined(chunks), merged)
            async with transaction(self._engine) as connection:
                replaced = await self._replace(connection, chunks, new, positions)
            if not replaced and new.object_key is not None:
                # Whoever took it for a loose one may have come before it was written.
                this = loose_objects.c.object_key == new.object_key
                await remove_loose(self._engine, self._objects, this)
                await self._objects.delete(new.object_key)
        return Merged(len(chunks), new.rows) if replaced else None

    async def drop(self, before: str, upto: Mapping[Lane, int]) -> Mapping[str, int]:
        """Delete the rows, some in a transaction; their objects become loose."""
        dropped = Counter[str]()
        old = sa.select(_T.last_sequence).where(_T.day < before, _followed(upto))
        with available(self.what):
            while True:
                async with transaction(self._engine) as connection:
                    gone = await _drop_some(connection, old.limit(DROPPED_CHUNKS))
                dropped.update(gone)
                if not gone:
                    return {tenant_id: rows for tenant_id, rows in dropped.items() if rows}

    async def sweep(self, now_ms: int) -> int:
        """Remove loose objects, and strays: those that not even the loose ones name."""
        before_ms = now_ms - GRACE_MS
        with available(self.what):
            swept = 0
            while keys := await self._loose_since(before_ms):
                this = loose_objects.c.object_key.in_(keys)
                swept += await remove_loose(self._engine, self._objects, this)
            return swept + await self._remove_strays(now_ms)

    async def _chosen(
        self, group: ChunkGroup, kind: Kind, upto: Mapping[Lane, int]
    ) -> Sequence[Chunk]:
        """The oldest chunks of a group that fit into one, and two at least."""
        this = (
            _small(upto),
            _KINDS[kind],
            _T.tenant_id == group.tenant_id,
            _T.lane == group.lane.value,
            _T.day == group.day,
        )
        sizes = sa.select(_T.last_sequence, _T.rows, _T.size).where(*this)
        sizes = sizes.order_by(_T.last_sequence).limit(MERGED_CHUNKS)
        async with self._reading.begin() as connection:
            last, rows, size = 0, 0, 0
            for place, found in enumerate(await connection.execute(sizes)):
                rows, size = rows + found.rows, size + found.size
                if place >= 2 and (rows > CHUNK_ROWS or size > MERGED_BYTES):
                    break
                last = found.last_sequence
            query = sa.select(event_chunks).where(*this, _T.last_sequence <= last)
            return await read_chunks(connection, query.order_by(_T.last_sequence))

    async def _written(self, chunk: Chunk, events: MergedEvents) -> Chunk:
        if events.inline:
            return chunk.holding(events.rows, len(events.content), events.content, None)
        if not events.rows:
            return chunk
        key = object_key_for(chunk.tenant_id, chunk.day)
        await write_loose(self._engine, self._objects, chunk.tenant_id, key, events.content)
        return chunk.holding(events.rows, len(events.content), None, key)

    async def _replace(
        self,
        connection: AsyncConnection,
        chunks: Sequence[Chunk],
        new: Chunk,
        positions: Positions,
    ) -> bool:
        # First, since it takes the lock under which nobody writes to the log.
        await take_sequences(connection, EVENT_COUNTER, 0)
        sequences = [chunk.last_sequence for chunk in chunks]
        query = sa.select(*_STATE).where(_T.last_sequence.in_(sequences))
        found = (await connection.execute(query.order_by(_T.last_sequence))).all()
        # An erasure may have written one anew, and a follower may have begun again.
        if [tuple(row) for row in found] != [_state(chunk) for chunk in chunks]:
            return False
        if new.last_sequence > (await positions())[Lane(new.lane)]:
            return False
        if new.object_key is not None and not await bind(connection, new.object_key):
            return False
        await connection.execute(event_chunks.delete().where(_T.last_sequence.in_(sequences)))
        if new.rows:
            await connection.execute(event_chunks.insert(), new._asdict())
        await loosen(connection, new.tenant_id, _objects_of(chunks))
        return True

    async def _loose_since(self, before_ms: int) -> Sequence[str]:
        query = sa.select(loose_objects.c.object_key)
        query = query.where(loose_objects.c.since_ms < before_ms).limit(SWEPT_OBJECTS)
        async with self._reading.begin() as connection:
            return (await connection.execute(query)).scalars().all()

    async def _remove_strays(self, now_ms: int) -> int:
        """Remove what already was a stray before the grace time.

        A stray comes of an erasure that removed a loose object while it was being written.
        """
        # Listed first: what is written later is no candidate.
        keys = set(await self._objects.keys(_PREFIX))
        named = sa.union_all(
            sa.select(_T.object_key).where(sa.not_(_INLINE)), sa.select(loose_objects.c.object_key)
        )
        async with self._reading.begin() as connection:
            keys.difference_update((await connection.execute(named)).scalars())
        self._strays = {key: self._strays.get(key, now_ms) for key in keys}
        old = [key for key, since_ms in self._strays.items() if since_ms < now_ms - GRACE_MS]
        for key in old:
            await self._objects.delete(key)
            del self._strays[key]
        return len(old)


async def _drop_some(connection: AsyncConnection, old: sa.Select[int]) -> Counter[str]:
    """Delete some rows; how many of each tenant's events are gone by that."""
    # First, since it takes the lock under which nobody writes to the log.
    await take_sequences(connection, EVENT_COUNTER, 0)
    delete = event_chunks.delete().where(_T.last_sequence.in_(old))
    delete = delete.returning(_T.tenant_id, _T.rows, _T.object_key)
    gone = Counter[str]()
    for tenant_id, rows, object_key in (await connection.execute(delete)).all():
        gone[tenant_id] += rows
        if object_key is not None:
            await loosen(connection, tenant_id, [object_key])
    for tenant_id, rows in gone.items():
        await count_removed(connection, tenant_id, Removal.EXPIRED, rows)
    return gone


def _joined(chunks: Sequence[Chunk]) -> Chunk:
    """The chunk in whose place the others were, without its events."""
    return (
        chunks[-1]
        ._replace(
            first_sequence=min(chunk.first_sequence for chunk in chunks),
            oldest_ms=min(chunk.oldest_ms for chunk in chunks),
            newest_ms=max(chunk.newest_ms for chunk in chunks),
        )
        .holding(0, 0, None, None)
    )


def _state(chunk: Chunk) -> tuple[int, int, int, int, str | None]:
    # Whoever writes a chunk anew leaves fewer events in it, or another object.
    return (
        chunk.last_sequence,
        chunk.first_sequence,
        chunk.rows,
        chunk.size,
        chunk.object_key,
    )


def _objects_of(chunks: Sequence[Chunk]) -> list[str]:
    return [chunk.object_key for chunk in chunks if chunk.object_key is not None]


def _small(upto: Mapping[Lane, int]) -> sa.ColumnElement[bool]:
    return sa.and_(_T.rows <= SMALL_ROWS, _followed(upto))


def _followed(upto: Mapping[Lane, int]) -> sa.ColumnElement[bool]:
    lanes = [sa.and_(_T.lane == lane.value, _T.last_sequence <= at) for lane, at in upto.items()]
    return sa.or_(sa.false(), *lanes)
