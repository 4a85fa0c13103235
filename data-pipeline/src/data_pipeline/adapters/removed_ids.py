"""RemovedIds in a relational database."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backends.availability import available
from backends.sql_store import SqlStore
from data_pipeline.adapters.tables import removed_event_ids
from data_pipeline.adapters.transactions import transaction

REMOVALS_AT_ONCE = 1_000
"""So many in one transaction: others write to the database too."""

_T = removed_event_ids.c


class SqlRemovedIds(SqlStore):
    """The rows by which indexes of seen ids learn what to forget."""

    what = "event log"
    table = removed_event_ids

    async def purge(self, before_ms: int) -> int:
        """Delete the old rows, some in a transaction."""
        purged = 0
        with available(self.what):
            while True:
                async with transaction(self._engine) as connection:
                    some = await _purge_some(connection, before_ms)
                purged += some
                if some < REMOVALS_AT_ONCE:
                    return purged


async def _purge_some(connection: AsyncConnection, before_ms: int) -> int:
    old = sa.select(_T.sequence).where(_T.removed_at_ms < before_ms).limit(REMOVALS_AT_ONCE)
    return (
        await connection.execute(removed_event_ids.delete().where(_T.sequence.in_(old)))
    ).rowcount
