"""UsageStore over SQL."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_api.adapters import sql
from backend_api.adapters.tables import api_keys, usage, usage_batches
from backend_api.domain.usage import UsageBatch, UsageCount
from backends.sql_store import SqlStore
from backends.upserts import insert

_SUMS: Final = ("requests", "billed_requests", "tokens", "cost")
_BATCH_IDS_KEPT: Final = timedelta(days=1)


class SqlUsageStore(SqlStore):
    """Usage in the table `usage`, and the ids of the batches that are in it."""

    table = usage

    async def add(self, batch: UsageBatch) -> None:
        """Add the batch to what is stored, once however often it is given."""
        async with sql.transaction(self._engine) as connection:
            if not await self._is_first(connection, batch.batch_id):
                return
            if batch.counts:
                rows = [
                    {**key._asdict(), **{name: getattr(count, name) for name in _SUMS}}
                    for key, count in sorted(batch.counts.items())
                ]
                await connection.execute(_ADD, rows)
            if batch.last_used:
                used = [
                    {"used_key": key_id, "used_at": sql.to_milliseconds(at)}
                    for key_id, at in sorted(batch.last_used.items())
                ]
                await connection.execute(_LAST_USED, used)

    async def requests_since(self, tenant_id: str, day: date) -> int:
        """The tenant's requests from `day` on."""
        query = select(func.coalesce(func.sum(usage.c.requests), 0)).where(
            usage.c.tenant_id == tenant_id, usage.c.day >= day
        )
        async with sql.transaction(self._reading) as connection:
            return int((await connection.execute(query)).scalar_one())

    async def counts(
        self, first: date, last: date, tenant_id: str | None
    ) -> Sequence[tuple[date, str, UsageCount]]:
        """(day, tenant id, count) from `first` to `last`, oldest first; of all for None."""
        query = (
            select(usage)
            .where(usage.c.day.between(first, last))
            .order_by(usage.c.day, usage.c.tenant_id, usage.c.endpoint, usage.c.currency)
        )
        if tenant_id is not None:
            query = query.where(usage.c.tenant_id == tenant_id)
        async with sql.transaction(self._reading) as connection:
            rows = (await connection.execute(query)).all()
        return [
            (
                row.day,
                row.tenant_id,
                UsageCount(
                    row.endpoint,
                    row.currency,
                    row.requests,
                    row.billed_requests,
                    row.tokens,
                    row.cost,
                ),
            )
            for row in rows
        ]

    async def _is_first(self, connection: AsyncConnection, batch_id: str) -> bool:
        now = datetime.now(UTC)
        row = {"batch_id": batch_id, "written_at": sql.to_milliseconds(now)}
        added = insert(usage_batches).values(row).on_conflict_do_nothing()
        if (await connection.execute(added)).rowcount == 0:
            return False
        old = usage_batches.c.written_at < sql.to_milliseconds(now - _BATCH_IDS_KEPT)
        await connection.execute(delete(usage_batches).where(old))
        return True


_INSERT: Final = insert(usage)
_ADD: Final = _INSERT.on_conflict_do_update(
    index_elements=["day", "tenant_id", "endpoint", "currency"],
    set_={name: usage.c[name] + _INSERT.excluded[name] for name in _SUMS},
)
_LAST_USED: Final = (
    update(api_keys)
    .where(
        api_keys.c.key_id == bindparam("used_key"),
        or_(
            api_keys.c.last_used_at.is_(None),
            api_keys.c.last_used_at < bindparam("used_at"),
        ),
    )
    .values(last_used_at=bindparam("used_at"))
)
