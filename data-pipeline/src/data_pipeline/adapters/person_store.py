"""PersonStore in a relational database."""

import asyncio
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backends.availability import available
from backends.database import database_file
from backends.embedded.traces import remove_traces
from backends.sql_store import SqlStore
from contracts.attributes import MAX_ATTRIBUTES
from data_pipeline.adapters.marks import MarkKind, last_mark, mark, mark_items_of
from data_pipeline.adapters.store import resolved, take_sequences
from data_pipeline.adapters.tables import events, merged_ids, users
from data_pipeline.adapters.transactions import transaction
from data_pipeline.adapters.user_rows import (
    REPLACE_USER,
    USER_COUNTER,
    find_profile,
    user_row,
)
from data_pipeline.domain.errors import AlreadyMerged, MergeCycle
from data_pipeline.domain.records import Erased, Merged, PersonCounts, UserRecord


class SqlPersonStore(SqlStore):
    """A row per merged id, which names its user directly: chains are shortened as they arise."""

    what = "account of the users"
    table = merged_ids

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
                moved = await _move(connection, tenant_id, from_user_id, owner)
                profile = await _merged_profile(connection, tenant_id, from_user_id, owner)
                if profile is not None:
                    row = user_row(tenant_id, profile, sequence, updated_at_ms)
                    await connection.execute(REPLACE_USER, row)
                await mark(connection, tenant_id, MarkKind.HISTORY, [from_user_id, owner])
                return Merged(owner, moved, await last_mark(connection))

    async def erase(self, tenant_id: str, user_ids: Sequence[str]) -> Erased:
        """Remove everything of a person, and mark what the features must forget."""
        named = sa.select(merged_ids.c.merged_id).where(
            merged_ids.c.tenant_id == tenant_id, merged_ids.c.user_id.in_(user_ids)
        )
        with available(self.what):
            async with transaction(self._engine) as connection:
                merged = (await connection.execute(named)).scalars()
                user_ids = list(dict.fromkeys([*user_ids, *merged]))
                await mark(connection, tenant_id, MarkKind.ERASURE, user_ids)
                await mark_items_of(connection, tenant_id, events.c.user_id.in_(user_ids))
                removed = [
                    (await connection.execute(table.delete().where(where))).rowcount
                    for table, where in _places(tenant_id, user_ids)
                ]
                return Erased(user_ids, PersonCounts(*removed), await last_mark(connection))

    async def verify_erased(self, tenant_id: str, user_ids: Sequence[str]) -> PersonCounts:
        """Remove what is left in the files of SQLite, then count."""
        file = database_file(self._engine)
        if file is not None:
            await asyncio.to_thread(remove_traces, file, user_ids)
        with available(self.what):
            async with self._reading.begin() as connection:
                left = [
                    (
                        await connection.execute(
                            sa.select(sa.func.count()).select_from(table).where(where)
                        )
                    ).scalar_one()
                    for table, where in _places(tenant_id, user_ids)
                ]
        return PersonCounts(*left)


def _named(tenant_id: str, user_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(merged_ids.c.tenant_id == tenant_id, merged_ids.c.user_id == user_id)


def _places(
    tenant_id: str, user_ids: Sequence[str]
) -> list[tuple[sa.Table, sa.ColumnElement[bool]]]:
    """Where something of a person is, in the order of `PersonCounts`."""
    return [
        (table, sa.and_(table.c.tenant_id == tenant_id, table.c.user_id.in_(user_ids)))
        for table in (events, users, merged_ids)
    ]


async def _move(connection: AsyncConnection, tenant_id: str, session: str, user_id: str) -> int:
    """Make the events and the names of `session` the user's; the number of events."""
    moving = events.update().where(events.c.tenant_id == tenant_id, events.c.user_id == session)
    moved = (await connection.execute(moving.values(user_id=user_id))).rowcount
    renaming = merged_ids.update().where(_named(tenant_id, session))
    await connection.execute(renaming.values(user_id=user_id))
    row = {"tenant_id": tenant_id, "merged_id": session, "user_id": user_id}
    await connection.execute(merged_ids.insert(), row)
    return moved


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
