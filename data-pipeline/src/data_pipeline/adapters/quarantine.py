"""Quarantine and QuarantineExits in a relational database."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from backends.availability import available
from backends.sql_store import SqlStore
from backends.turns import take_turn
from data_pipeline.adapters.quarantine_rows import (
    ENTRY,
    IN_A_STATEMENT,
    count_departed,
    entry_of,
    entry_row,
    remove_entries,
)
from data_pipeline.adapters.tables import quarantine, quarantine_departures
from data_pipeline.adapters.transactions import transaction
from data_pipeline.domain.accounting import Departure, QuarantineEntry, QuarantineQuery
from data_pipeline.domain.deliveries import Delivery, Rejected


class SqlQuarantine(SqlStore):
    """A row for each record, with the beginning of its bytes."""

    what = "quarantine"
    table = quarantine

    async def add(
        self, delivery: Delivery, rejected: Sequence[Rejected], received_at_ms: int
    ) -> None:
        """Insert the records; who reads on after a sequence misses none that is committed later."""
        rows = [entry_row(delivery, record, received_at_ms) for record in rejected]
        if not rows:
            return
        with available(self.what):
            async with transaction(self._engine) as connection:
                await take_turn(connection, quarantine.name)
                await connection.execute(quarantine.insert(), rows)

    async def page(self, tenant_id: str, query: QuarantineQuery) -> Sequence[QuarantineEntry]:
        """The rows by their sequence."""
        chosen = sa.select(*ENTRY).where(quarantine.c.tenant_id == tenant_id)
        order = quarantine.c.sequence.desc()
        if query.before is not None:
            chosen = chosen.where(quarantine.c.sequence < query.before)
        if query.after is not None:
            chosen = chosen.where(quarantine.c.sequence > query.after)
            order = quarantine.c.sequence.asc()
        for column, wanted in (
            (quarantine.c.data_type, query.data_type),
            (quarantine.c.code, query.code),
            (quarantine.c.origin, query.origin),
        ):
            if wanted is not None:
                chosen = chosen.where(column == wanted)
        return await self._entries(chosen.order_by(order).limit(query.limit))

    async def find(self, tenant_id: str, sequences: Sequence[int]) -> Sequence[QuarantineEntry]:
        """The rows by their sequence."""
        these = quarantine.c.sequence.in_(sequences)
        chosen = sa.select(*ENTRY).where(quarantine.c.tenant_id == tenant_id, these)
        return await self._entries(chosen.order_by(quarantine.c.sequence))

    async def sizes(self, tenant_id: str | None = None) -> Mapping[str, int]:
        """Count over an index."""
        of_tenant = quarantine.c.tenant_id
        counted = sa.select(of_tenant, sa.func.count()).group_by(of_tenant)
        if tenant_id is not None:
            counted = counted.where(of_tenant == tenant_id)
        with available(self.what):
            async with self._reading.begin() as connection:
                rows = await connection.execute(counted)
                return {tenant: size for tenant, size in rows if size}

    async def _entries(self, query: sa.Select[Any]) -> Sequence[QuarantineEntry]:
        with available(self.what):
            async with transaction(self._reading) as connection:
                return [entry_of(row) for row in (await connection.execute(query)).all()]


class SqlQuarantineExits(SqlStore):
    """The same rows; a count is kept of those that are deleted without a replay."""

    what = "quarantine"
    table = quarantine

    async def remove(self, tenant_id: str, sequences: Sequence[int], why: Departure) -> int:
        """Delete the rows and count them."""
        with available(self.what):
            async with transaction(self._engine) as connection:
                removed = await remove_entries(connection, tenant_id, sequences)
                await count_departed(connection, why, {tenant_id: removed})
        return removed

    async def renew(self, tenant_id: str, reasons: Mapping[int, tuple[str, str]]) -> int:
        """Update the rows one by one: they are few."""
        renewed = 0
        with available(self.what):
            async with transaction(self._engine) as connection:
                for sequence, (code, reason) in reasons.items():
                    this = (quarantine.c.tenant_id == tenant_id) & (
                        quarantine.c.sequence == sequence
                    )
                    renewal = quarantine.update().where(this).values(code=code, reason=reason)
                    renewed += (await connection.execute(renewal)).rowcount
        return renewed

    async def expire(self, before_ms: int, limit: int) -> Mapping[str, int]:
        """Delete the oldest rows and count them."""
        old = (
            sa.select(quarantine.c.sequence)
            .where(quarantine.c.received_at_ms < before_ms)
            .order_by(quarantine.c.received_at_ms)
            .limit(min(limit, IN_A_STATEMENT))
        )
        deletion = quarantine.delete().where(quarantine.c.sequence.in_(old))
        with available(self.what):
            async with transaction(self._engine) as connection:
                rows = await connection.execute(deletion.returning(quarantine.c.tenant_id))
                expired = Counter(rows.scalars())
                await count_departed(connection, Departure.EXPIRED, expired)
        return expired

    async def departed(self, tenant_id: str) -> Mapping[Departure, int]:
        """The tenant's counts."""
        query = sa.select(quarantine_departures.c.why, quarantine_departures.c.records)
        with available(self.what):
            async with self._reading.begin() as connection:
                rows = await connection.execute(
                    query.where(quarantine_departures.c.tenant_id == tenant_id)
                )
                return {Departure(why): records for why, records in rows}
