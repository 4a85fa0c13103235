"""Ledger in a relational database."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

import sqlalchemy as sa

from backends.availability import available
from backends.sql_store import SqlStore
from backends.upserts import insert
from contracts.imports import DataType
from data_pipeline.adapters.balance import imbalances
from data_pipeline.adapters.tables import ledger
from data_pipeline.adapters.transactions import transaction
from data_pipeline.domain.accounting import Account, Imbalance
from data_pipeline.domain.deliveries import Counts, Delivery, Source

_INSERT: Final = insert(ledger)
_ADD: Final = _INSERT.on_conflict_do_update(
    index_elements=["tenant_id", "day", "source", "data_type"],
    set_={name: ledger.c[name] + _INSERT.excluded[name] for name in Counts._fields},
)


class SqlLedger(SqlStore):
    """A row for each account."""

    what = "ledger"
    table = ledger

    async def record(self, delivery: Delivery, received_at_ms: int, counts: Counts) -> None:
        """Add to the row, or begin it."""
        account = {
            "tenant_id": delivery.tenant_id,
            "day": datetime.fromtimestamp(received_at_ms / 1000, UTC).date().isoformat(),
            "source": delivery.source.value,
            "data_type": delivery.data_type.value,
        }
        with available(self.what):
            async with transaction(self._engine) as connection:
                await connection.execute(_ADD, {**account, **counts._asdict()})

    async def accounts(self, tenant_id: str, first: date, last: date) -> Sequence[Account]:
        """The rows of some days."""
        query = (
            sa.select(ledger)
            .where(
                ledger.c.tenant_id == tenant_id,
                ledger.c.day.between(first.isoformat(), last.isoformat()),
            )
            .order_by(ledger.c.day, ledger.c.source, ledger.c.data_type)
        )
        with available(self.what):
            async with self._reading.begin() as connection:
                rows = (await connection.execute(query)).all()
        return [
            Account(
                tenant_id,
                Source(row.source),
                DataType(row.data_type),
                date.fromisoformat(row.day),
                Counts(row.received, row.loaded, row.duplicates, row.quarantined),
            )
            for row in rows
        ]

    async def imbalances(self, tenant_id: str | None = None) -> Sequence[Imbalance]:
        """Compare in one statement, which sees one moment of all the tables."""
        with available(self.what):
            async with self._reading.begin() as connection:
                rows = (await connection.execute(imbalances(tenant_id))).all()
        return [Imbalance(*row) for row in rows]
