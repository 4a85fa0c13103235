"""EventLog in a relational database."""

from collections.abc import AsyncGenerator, Sequence
from operator import itemgetter

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from backends.availability import available
from backends.ports import UserEvent
from backends.sql_store import SqlStore
from data_pipeline.adapters.tables import events, merged_ids
from data_pipeline.adapters.transactions import transaction
from data_pipeline.adapters.weights import counts, weighted_events
from data_pipeline.domain.records import EventRecord, LogPage, Stored, TrainingEvent

_COLUMNS = ("tenant_id", *EventRecord._fields, "received_at_ms")
# A column's own name would be taken for its value.
_GIVEN = {name: sa.bindparam(f"given_{name}") for name in _COLUMNS}
_OWNER = sa.select(merged_ids.c.user_id).where(
    merged_ids.c.tenant_id == _GIVEN["tenant_id"], merged_ids.c.merged_id == _GIVEN["user_id"]
)
_APPEND = (
    insert(events)
    .values(_GIVEN | {"user_id": sa.func.coalesce(_OWNER.scalar_subquery(), _GIVEN["user_id"])})
    .on_conflict_do_nothing(index_elements=["tenant_id", "event_id"])
)
_HEAD = sa.select(sa.func.max(events.c.sequence))
_ENTRY = (
    events.c.sequence,
    events.c.tenant_id,
    events.c.user_id,
    events.c.item_id,
    events.c.event_type,
    events.c.timestamp_ms,
    events.c.value,
    counts,
)
_TRAINING = sa.select(
    events.c.sequence,
    events.c.user_id,
    events.c.item_id,
    events.c.event_type,
    events.c.timestamp_ms,
    events.c.value,
).order_by(
    # By content alone, so that the order of arrival leaves no trace in a snapshot.
    events.c.user_id,
    events.c.timestamp_ms,
    events.c.item_id,
    events.c.event_type,
    events.c.value.nulls_first(),
)


class SqlEventLog(SqlStore):
    """A row per event; the primary key is the order.

    `read_after` may skip nothing, so sequences have to become visible in their order. SQLite
    has one writer at a time, which gives that. In PostgreSQL two transactions can commit in
    another order than they took their sequences: `append` needs an advisory lock there, held
    from before the insert until the commit.
    """

    what = "event log"
    table = events

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine)
        # Handed to the driver as it is: binding row by row takes longer than the insert.
        compiled = _APPEND.compile(dialect=engine.dialect)
        self._append = str(compiled)
        places = {f"given_{name}": place for place, name in enumerate(_COLUMNS)}
        self._in_order = itemgetter(*(places[name] for name in compiled.positiontup or ()))

    async def append(
        self, tenant_id: str, events: Sequence[EventRecord], received_at_ms: int
    ) -> Stored:
        """Store events in one transaction."""
        if not events:
            return Stored(0, 0, 0)
        rows = [self._in_order((tenant_id, *event, received_at_ms)) for event in events]
        with available(self.what):
            async with transaction(self._engine) as connection:
                accepted = (await connection.exec_driver_sql(self._append, rows)).rowcount
                head = (await connection.execute(_HEAD)).scalar_one()
        return Stored(accepted, len(events) - accepted, head if accepted else 0)

    async def read_after(self, sequence: int, limit: int) -> LogPage[UserEvent]:
        """The next events of all tenants."""
        query = sa.select(*_ENTRY).select_from(weighted_events)
        query = query.where(events.c.sequence > sequence)
        query = query.order_by(events.c.sequence).limit(limit)
        with available(self.what):
            async with self._reading.begin() as connection:
                rows = (await connection.execute(query)).all()
        records = [
            (tenant_id, UserEvent(user_id, item_id, event_type, timestamp_ms, value))
            for _, tenant_id, user_id, item_id, event_type, timestamp_ms, value, counted in rows
            if counted
        ]
        return LogPage(records, rows[-1][0] if rows else sequence, len(rows) == limit)

    async def training_events(
        self, tenant_id: str, chunk: int
    ) -> AsyncGenerator[Sequence[TrainingEvent]]:
        """A tenant's events at one moment: one statement, whatever is written meanwhile."""
        query = _TRAINING.where(events.c.tenant_id == tenant_id)
        with available(self.what):
            async with self._reading.begin() as connection:
                rows = await connection.stream(query, execution_options={"yield_per": chunk})
                async for partition in rows.partitions():
                    yield partition
