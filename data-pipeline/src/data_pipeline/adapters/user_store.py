"""UserStore in a relational database."""

from collections.abc import Callable, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backends.availability import available
from backends.sql_store import SqlStore
from data_pipeline.adapters.store import resolved, take_sequences
from data_pipeline.adapters.tables import events, merged_ids, users
from data_pipeline.adapters.transactions import transaction
from data_pipeline.adapters.user_rows import (
    REPLACE_USER,
    USER_COUNTER,
    find_profile,
    user_row,
    versioned_user,
)
from data_pipeline.domain.records import Change, Stored, UserRecord, Versioned


class SqlUserStore(SqlStore):
    """A row per profile; a merged id has none of its own."""

    what = "user profiles"
    table = users

    async def store(
        self, tenant_id: str, users: Sequence[UserRecord], updated_at_ms: int
    ) -> Stored:
        """Create or replace users in one transaction."""
        if not users:
            return Stored(0, 0, 0)
        with available(self.what):
            async with transaction(self._engine) as connection:
                # First, since it takes the lock under which the users are compared.
                end = await take_sequences(connection, USER_COUNTER, len(users))
                owners = await _owners(connection, tenant_id, {user.user_id for user in users})
                given = [
                    user._replace(user_id=owners.get(user.user_id, user.user_id)) for user in users
                ]
                known = await _known(connection, tenant_id, {user.user_id for user in given})
                changed: dict[str, UserRecord] = {}
                accepted = 0
                for user in given:
                    if (changed.get(user.user_id) or known.get(user.user_id)) != user:
                        changed[user.user_id] = user
                        accepted += 1
                if changed:
                    rows = [
                        user_row(tenant_id, user, sequence, updated_at_ms)
                        for sequence, user in enumerate(changed.values(), end - len(changed) + 1)
                    ]
                    await connection.execute(REPLACE_USER, rows)
        return Stored(accepted, len(users) - accepted, end if changed else 0)

    async def find(self, tenant_id: str, user_id: str) -> Versioned[UserRecord] | None:
        """A user, known by a profile or by events."""
        with available(self.what):
            async with self._reading.begin() as connection:
                user_id = await resolved(connection, tenant_id, user_id)
                return await _find(connection, tenant_id, user_id)

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
            async with transaction(self._engine) as connection:
                # First, since it takes the lock under which the user is read.
                sequence = await take_sequences(connection, USER_COUNTER, 1)
                user_id = await resolved(connection, tenant_id, user_id)
                before = await _find(connection, tenant_id, user_id)
                after = change(before)._replace(user_id=user_id)
                if before is not None and before.version and after == before.record:
                    return Change(before, created=False)
                row = user_row(tenant_id, after, sequence, updated_at_ms)
                await connection.execute(REPLACE_USER, row)
        created = before is None or not before.version
        return Change(Versioned(after, sequence, updated_at_ms), created)


async def _find(
    connection: AsyncConnection, tenant_id: str, user_id: str
) -> Versioned[UserRecord] | None:
    profile = await find_profile(connection, tenant_id, user_id)
    if profile is not None:
        return profile
    query = sa.select(events.c.received_at_ms)
    query = query.where(events.c.tenant_id == tenant_id, events.c.user_id == user_id)
    query = query.order_by(events.c.sequence.desc()).limit(1)
    last_seen_ms = (await connection.execute(query)).scalar_one_or_none()
    return None if last_seen_ms is None else Versioned(UserRecord(user_id, {}), 0, last_seen_ms)


async def _owners(
    connection: AsyncConnection, tenant_id: str, user_ids: set[str]
) -> dict[str, str]:
    query = sa.select(merged_ids.c.merged_id, merged_ids.c.user_id).where(
        merged_ids.c.tenant_id == tenant_id, merged_ids.c.merged_id.in_(user_ids)
    )
    return {row.merged_id: row.user_id for row in await connection.execute(query)}


async def _known(
    connection: AsyncConnection, tenant_id: str, user_ids: set[str]
) -> dict[str, UserRecord]:
    query = users.select().where(users.c.tenant_id == tenant_id, users.c.user_id.in_(user_ids))
    return {row.user_id: versioned_user(row).record for row in await connection.execute(query)}
