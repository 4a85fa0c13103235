"""UserStore in a relational database."""

from collections.abc import Callable, Sequence
from contextlib import aclosing

import pyarrow as pa
from sqlalchemy.ext.asyncio import AsyncEngine

from backends.availability import available
from backends.ports import ObjectStore
from backends.sql_store import SqlStore
from data_pipeline.adapters.chunk_reader import ChunkReader, chunks_of
from data_pipeline.adapters.store import resolved, take_sequences
from data_pipeline.adapters.tables import event_chunks, users
from data_pipeline.adapters.transactions import transaction
from data_pipeline.adapters.user_names import names
from data_pipeline.adapters.user_rows import (
    REPLACE_USER,
    USER_COUNTER,
    find_profile,
    user_row,
    versioned_user,
)
from data_pipeline.domain.records import Change, EventFilter, UserRecord, Versioned


class SqlUserStore(SqlStore):
    """A row per profile; a merged id has none of its own."""

    what = "user profiles"
    table = users

    def __init__(self, engine: AsyncEngine, objects: ObjectStore) -> None:
        super().__init__(engine)
        self._chunks = ChunkReader(engine, objects)

    async def find(self, tenant_id: str, user_id: str) -> Versioned[UserRecord] | None:
        """A user, known by a profile or by events."""
        with available(self.what):
            return await self._find(tenant_id, user_id)

    async def page(
        self, tenant_id: str, after: str | None, limit: int
    ) -> Sequence[Versioned[UserRecord]]:
        """Users with a profile by id."""
        query = users.select().where(users.c.tenant_id == tenant_id)
        if after is not None:
            query = query.where(users.c.user_id > after)
        with available(self.what):
            async with self._reading.begin() as connection:
                rows = await connection.execute(query.order_by(users.c.user_id).limit(limit))
                return [versioned_user(row) for row in rows]

    async def change(
        self,
        tenant_id: str,
        user_id: str,
        change: Callable[[Versioned[UserRecord] | None], UserRecord],
        updated_at_ms: int,
    ) -> Change[UserRecord]:
        """Replace a user; a profile that stays as it is keeps its version."""
        with available(self.what):
            # Before the transaction: the events of who has no profile are looked for in the log.
            found = await self._find(tenant_id, user_id)
            async with transaction(self._engine) as connection:
                # First, since it takes the lock under which the user is read.
                sequence = await take_sequences(connection, USER_COUNTER, 1)
                user_id = await resolved(connection, tenant_id, user_id)
                before = await find_profile(connection, tenant_id, user_id)
                if before is None and found is not None:
                    before = Versioned(UserRecord(user_id, {}), 0, found.updated_at_ms)
                after = change(before)._replace(user_id=user_id)
                if before is not None and before.version and after == before.record:
                    return Change(before, created=False)
                row = user_row(tenant_id, after, sequence, updated_at_ms)
                await connection.execute(REPLACE_USER, row)
        created = before is None or not before.version
        return Change(Versioned(after, sequence, updated_at_ms), created)

    async def _find(self, tenant_id: str, user_id: str) -> Versioned[UserRecord] | None:
        async with self._reading.begin() as connection:
            user_id = await resolved(connection, tenant_id, user_id)
            profile = await find_profile(connection, tenant_id, user_id)
            if profile is not None:
                return profile
            named = await names(connection, tenant_id, [user_id])
        last_seen_ms = await self._last_seen_ms(tenant_id, EventFilter(user_ids=frozenset(named)))
        if last_seen_ms is None:
            return None
        return Versioned(UserRecord(user_id, {}), 0, last_seen_ms)

    async def _last_seen_ms(self, tenant_id: str, where: EventFilter) -> int | None:
        query = chunks_of(tenant_id).order_by(event_chunks.c.last_sequence.desc())
        async with aclosing(self._chunks.walk(query)) as chunks:
            async for chunk in chunks:
                batches = await self._chunks.events(chunk, ["received_at"], where)
                if batches:
                    moments = [batch.column(0).cast(pa.int64()).to_numpy() for batch in batches]
                    return int(max(one.max() for one in moments))
        return None
