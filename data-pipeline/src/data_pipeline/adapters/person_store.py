"""PersonStore in a relational database."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import aclosing

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backends.availability import available
from backends.database import database_file
from backends.embedded.traces import remove_traces
from backends.ports import ObjectStore
from backends.sql_store import SqlStore
from contracts.attributes import MAX_ATTRIBUTES
from data_pipeline.adapters.chunk_reader import ChunkReader
from data_pipeline.adapters.chunk_rewriting import ChunkRewriter
from data_pipeline.adapters.event_removals import Removal
from data_pipeline.adapters.loose_objects import remove_loose
from data_pipeline.adapters.marks import MarkKind, last_mark, mark
from data_pipeline.adapters.store import resolved, take_sequences
from data_pipeline.adapters.tables import loose_objects, merged_ids, users
from data_pipeline.adapters.transactions import transaction
from data_pipeline.adapters.user_rows import (
    REPLACE_USER,
    USER_COUNTER,
    find_profile,
    user_row,
)
from data_pipeline.domain.errors import AlreadyMerged, MergeCycle
from data_pipeline.domain.records import (
    Erased,
    EventFilter,
    Merged,
    PersonCounts,
    UserRecord,
)


class SqlPersonStore(SqlStore):
    """A row per merged id, which names its user directly: chains are shortened as they arise."""

    what = "account of the users"
    table = merged_ids

    def __init__(self, engine: AsyncEngine, objects: ObjectStore) -> None:
        super().__init__(engine)
        self._objects = objects
        self._chunks = ChunkReader(engine, objects)
        self._rewriter = ChunkRewriter(engine, objects)

    async def ids(self, tenant_id: str, user_id: str) -> Sequence[str]:
        """The user's id, then those merged into it, sorted."""
        with available(self.what):
            async with self._reading.begin() as connection:
                owner = await resolved(connection, tenant_id, user_id)
                query = sa.select(merged_ids.c.merged_id).where(_named(tenant_id, owner))
                merged = await connection.execute(query.order_by(merged_ids.c.merged_id))
                return [owner, *merged.scalars()]

    async def merge(
        self, tenant_id: str, from_user_id: str, user_id: str, updated_at_ms: int
    ) -> Merged:
        """Make one id another name of a user."""
        with available(self.what):
            async with transaction(self._engine) as connection:
                # First, since it takes the lock under which the names are read.
                sequence = await take_sequences(connection, USER_COUNTER, 1)
                owner = await resolved(connection, tenant_id, user_id)
                present = await resolved(connection, tenant_id, from_user_id)
                if from_user_id in (user_id, owner):
                    raise MergeCycle(
                        "from_user_id is this user, or this id was merged into it: merge a "
                        "session into its user, not the other way round"
                    )
                if present == owner:
                    return Merged(owner, 0, 0)
                if present != from_user_id:
                    raise AlreadyMerged(
                        "from_user_id was merged into another user already, and cannot be taken "
                        "away again: merge that user instead if both are the same person"
                    )
                moving = await _move(connection, tenant_id, from_user_id, owner)
                profile = await _merged_profile(connection, tenant_id, from_user_id, owner)
                if profile is not None:
                    row = user_row(tenant_id, profile, sequence, updated_at_ms)
                    await connection.execute(REPLACE_USER, row)
                await mark(connection, tenant_id, MarkKind.HISTORY, [from_user_id, owner])
                correction = await last_mark(connection)
            return Merged(owner, await self._events(tenant_id, moving), correction)

    async def erase(self, tenant_id: str, user_ids: Sequence[str]) -> Erased:
        """Remove everything of a person, and mark what the features must forget.

        The objects that held it go at once, whoever still reads them, and so do those that no
        chunk names: they may hold it as well.
        """

        async def choose(connection: AsyncConnection) -> EventFilter:
            merged = await _merged_into(connection, tenant_id, user_ids)
            return EventFilter(user_ids=frozenset([*user_ids, *merged]))

        with available(self.what):
            async with self._rewriter.removing(tenant_id, Removal.ERASED, choose) as (
                connection,
                events,
            ):
                merged = await _merged_into(connection, tenant_id, user_ids)
                erased = list(dict.fromkeys([*user_ids, *merged]))
                item_ids = set(events.column("item_id").to_pylist())
                await mark(connection, tenant_id, MarkKind.ERASURE, erased)
                await mark(connection, tenant_id, MarkKind.ITEM_COUNT, sorted(item_ids))
                others = [
                    (await connection.execute(table.delete().where(where))).rowcount
                    for table, where in _places(tenant_id, erased)
                ]
                correction = await last_mark(connection)
            of_tenant = loose_objects.c.tenant_id == tenant_id
            await remove_loose(self._engine, self._objects, of_tenant)
        return Erased(erased, PersonCounts(len(events), *others), correction)

    async def verify_erased(self, tenant_id: str, user_ids: Sequence[str]) -> PersonCounts:
        """Remove what is left in the files of SQLite, then count."""
        file = database_file(self._engine)
        if file is not None:
            await asyncio.to_thread(remove_traces, file, user_ids)
        with available(self.what):
            events = await self._events(tenant_id, user_ids)
            async with self._reading.begin() as connection:
                others = [
                    (
                        await connection.execute(
                            sa.select(sa.func.count()).select_from(table).where(where)
                        )
                    ).scalar_one()
                    for table, where in _places(tenant_id, user_ids)
                ]
        return PersonCounts(events, *others)

    async def _events(self, tenant_id: str, user_ids: Collection[str]) -> int:
        """How many events came under these ids."""
        where = EventFilter(user_ids=frozenset(user_ids))
        found = 0
        async with aclosing(self._chunks.scan(tenant_id, ["sequence"], where)) as batches:
            async for batch in batches:
                found += len(batch)
        return found


def _named(tenant_id: str, user_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(merged_ids.c.tenant_id == tenant_id, merged_ids.c.user_id == user_id)


def _places(
    tenant_id: str, user_ids: Sequence[str]
) -> list[tuple[sa.Table, sa.ColumnElement[bool]]]:
    """Where something of a person is beside the log, in the order of `PersonCounts`."""
    return [
        (table, sa.and_(table.c.tenant_id == tenant_id, table.c.user_id.in_(user_ids)))
        for table in (users, merged_ids)
    ]


async def _merged_into(
    connection: AsyncConnection, tenant_id: str, user_ids: Collection[str]
) -> Sequence[str]:
    query = sa.select(merged_ids.c.merged_id).where(
        merged_ids.c.tenant_id == tenant_id, merged_ids.c.user_id.in_(user_ids)
    )
    return (await connection.execute(query.order_by(merged_ids.c.merged_id))).scalars().all()


async def _move(
    connection: AsyncConnection, tenant_id: str, session: str, user_id: str
) -> Sequence[str]:
    """Make the names of `session` the user's: the ids whose events are the user's by that."""
    names = await _merged_into(connection, tenant_id, [session])
    renaming = merged_ids.update().where(_named(tenant_id, session))
    await connection.execute(renaming.values(user_id=user_id))
    row = {"tenant_id": tenant_id, "merged_id": session, "user_id": user_id}
    await connection.execute(merged_ids.insert(), row)
    return [session, *names]


async def _merged_profile(
    connection: AsyncConnection, tenant_id: str, session: str, user_id: str
) -> UserRecord | None:
    """The user's profile where it changes: what it lacks comes from the session's, which goes."""
    given = await find_profile(connection, tenant_id, session)
    if given is None:
        return None
    of_session = sa.and_(users.c.tenant_id == tenant_id, users.c.user_id == session)
    await connection.execute(users.delete().where(of_session))
    own = await find_profile(connection, tenant_id, user_id)
    attributes = dict(own.record.attributes) if own else {}
    lacking = [name for name in sorted(given.record.attributes) if name not in attributes]
    room = MAX_ATTRIBUTES - len(attributes)
    attributes |= {name: given.record.attributes[name] for name in lacking[:room]}
    merged = UserRecord(user_id, attributes)
    return None if own is not None and merged == own.record else merged
