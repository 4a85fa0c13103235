"""EventArchive in a relational database: the rows of the event log, one by one."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from backends.availability import available
from backends.sql_store import SqlStore
from data_pipeline.adapters.marks import MarkKind, last_mark, mark
from data_pipeline.adapters.store import resolved
from data_pipeline.adapters.tables import events
from data_pipeline.adapters.transactions import transaction
from data_pipeline.domain.records import EventQuery, EventRecord, StoredEventRecord

_ENTRY = sa.select(
    events.c.sequence,
    events.c.received_at_ms,
    *(events.c[name] for name in EventRecord._fields),
)


class SqlEventArchive(SqlStore):
    """Finds events by their id, their user, their item and their place in the log."""

    what = "event log"
    table = events

    async def find(self, tenant_id: str, event_id: str) -> StoredEventRecord | None:
        """An event by its id."""
        query = _ENTRY.where(events.c.tenant_id == tenant_id, events.c.event_id == event_id)
        with available(self.what):
            async with self._reading.begin() as connection:
                row = (await connection.execute(query)).one_or_none()
        return None if row is None else _stored(row)

    async def page(self, tenant_id: str, query: EventQuery) -> Sequence[StoredEventRecord]:
        """Events, newest stored first."""
        chosen = _ENTRY.where(events.c.tenant_id == tenant_id)
        if query.before is not None:
            chosen = chosen.where(events.c.sequence < query.before)
        if query.item_id is not None:
            chosen = chosen.where(events.c.item_id == query.item_id)
        with available(self.what):
            async with self._reading.begin() as connection:
                if query.user_id is not None:
                    user_id = await resolved(connection, tenant_id, query.user_id)
                    chosen = chosen.where(events.c.user_id == user_id)
                chosen = chosen.order_by(events.c.sequence.desc()).limit(query.limit)
                return [_stored(row) for row in await connection.execute(chosen)]

    async def remove(self, tenant_id: str, event_id: str) -> int | None:
        """Remove an event, and mark its user and its item."""
        removal = (
            events.delete()
            .where(events.c.tenant_id == tenant_id, events.c.event_id == event_id)
            .returning(events.c.user_id, events.c.item_id)
        )
        with available(self.what):
            async with transaction(self._engine) as connection:
                removed = (await connection.execute(removal)).one_or_none()
                if removed is None:
                    return None
                await mark(connection, tenant_id, MarkKind.HISTORY, [removed.user_id])
                await mark(connection, tenant_id, MarkKind.ITEM_COUNT, [removed.item_id])
                return await last_mark(connection)


def _stored(row: sa.Row[Any]) -> StoredEventRecord:
    return StoredEventRecord(row.sequence, EventRecord(*tuple(row)[2:]), row.received_at_ms)
