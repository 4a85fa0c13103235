"""UserLog in a relational database."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backends.availability import available
from backends.ports import UserContent
from backends.sql_store import SqlStore
from data_pipeline.adapters.store import take_sequences
from data_pipeline.adapters.tables import users
from data_pipeline.adapters.transactions import transaction
from data_pipeline.adapters.user_names import IDS_AT_ONCE, owners
from data_pipeline.adapters.user_rows import REPLACE_USER, USER_COUNTER, user_row, versioned_user
from data_pipeline.domain.records import LogPage, Stored, UserRecord


class SqlUserLog(SqlStore):
    """A row per profile; each change moves it to the end of the order.

    The sequences come from a row of `counters`, which stays locked until the commit: so they
    become visible in their order on any engine. A merged id has no profile of its own.
    """

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
                owner = await owners(connection, tenant_id, {user.user_id for user in users})
                given = [
                    user._replace(user_id=owner.get(user.user_id, user.user_id)) for user in users
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

    async def read_after(self, sequence: int, limit: int) -> LogPage[UserContent]:
        """The next changed profiles of all tenants."""
        query = users.select()
        query = query.where(users.c.sequence > sequence).order_by(users.c.sequence).limit(limit)
        with available(self.what):
            async with self._reading.begin() as connection:
                rows = (await connection.execute(query)).all()
        records = [(row.tenant_id, UserContent(row.user_id, row.attributes)) for row in rows]
        return LogPage(records, rows[-1].sequence if rows else sequence, len(rows) == limit)


async def _known(
    connection: AsyncConnection, tenant_id: str, user_ids: set[str]
) -> dict[str, UserRecord]:
    wanted = list(user_ids)
    found: dict[str, UserRecord] = {}
    for start in range(0, len(wanted), IDS_AT_ONCE):
        some = wanted[start : start + IDS_AT_ONCE]
        query = sa.select(users).where(users.c.tenant_id == tenant_id, users.c.user_id.in_(some))
        rows = await connection.execute(query)
        found |= {row.user_id: versioned_user(row).record for row in rows}
    return found
