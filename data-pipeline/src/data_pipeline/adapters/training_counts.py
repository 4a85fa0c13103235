"""TrainingCounts over the chunks of the event log.

How many events came since a moment is how many more were ever stored than then: what the chunks
hold now, and what was taken out of them. That is exact whatever a compaction merged, and whatever
was removed meanwhile.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from backends.availability import available
from backends.sql_store import SqlStore
from contracts.snapshots import TrainingData
from data_pipeline.adapters.tables import event_chunks, event_log_removals, snapshots


class SqlTrainingCounts(SqlStore):
    """Adds up the rows of chunks and of removals by their indexes."""

    what = "event log"
    table = event_chunks

    async def stored(self, tenant_id: str) -> int:
        """How many events were ever stored of a tenant."""
        with available(self.what):
            async with self._reading.begin() as connection:
                found = (await connection.execute(sa.select(_counted(tenant_id)))).one()
        return found.present + found.gone

    async def counts(self, tenant_id: str) -> TrainingData:
        """How many events there are, and how many came since the last snapshot was made."""
        newest = (
            sa.select(snapshots)
            .where(snapshots.c.tenant_id == tenant_id)
            .order_by(snapshots.c.sequence.desc())
            .limit(1)
            .subquery()
        )
        # In one statement: a snapshot that is made between would hide what came before it.
        counted = _counted(tenant_id)
        query = sa.select(counted, newest).select_from(counted.outerjoin(newest, sa.true()))
        with available(self.what):
            async with self._reading.begin() as connection:
                found = (await connection.execute(query)).one()
        if found.snapshot_id is None:
            return TrainingData(events=found.present, events_since_snapshot=found.present)
        return TrainingData(
            events=found.present,
            events_since_snapshot=found.present + found.gone - found.events_stored,
            last_snapshot_id=found.snapshot_id,
            last_snapshot_at=datetime.fromtimestamp(found.made_at_ms / 1000, UTC),
        )


def _counted(tenant_id: str) -> sa.Subquery:
    """The events that are in the log, `present`, and those taken out of it, `gone`."""
    present, gone = (_sum(table, tenant_id) for table in (event_chunks, event_log_removals))
    return sa.select(present.label("present"), gone.label("gone")).subquery()


def _sum(table: sa.Table, tenant_id: str) -> sa.ScalarSelect[Any]:
    # Sums of large integers are decimals on other engines.
    rows = sa.cast(sa.func.coalesce(sa.func.sum(table.c.rows), 0), sa.BigInteger)
    return sa.select(rows).where(table.c.tenant_id == tenant_id).scalar_subquery()
