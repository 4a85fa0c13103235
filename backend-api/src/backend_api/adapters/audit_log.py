"""AuditLog over SQL."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Row, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_api.adapters import sql
from backend_api.adapters.tables import audit_log
from backends.sql_store import SqlStore
from contracts.public.access import AuditEntry


async def write_entry(connection: AsyncConnection, entry: AuditEntry) -> None:
    """Keep an entry in the transaction of the act that it tells of."""
    row = {
        "audit_id": entry.audit_id,
        "at": sql.to_milliseconds(entry.at),
        "actor": entry.actor,
        "tenant_id": entry.tenant_id,
        "action": entry.action,
        "target": entry.target,
        "details": orjson.dumps(entry.details).decode(),
    }
    await connection.execute(insert(audit_log).values(row))


class SqlAuditLog(SqlStore):
    """Entries in the table `audit_log`; none is ever changed or removed."""

    table = audit_log

    async def add(self, entry: AuditEntry) -> None:
        """Keep an entry of an act whose effect lies elsewhere."""
        async with sql.transaction(self._engine) as connection:
            await write_entry(connection, entry)

    async def page(
        self, tenant_id: str | None, limit: int, before: tuple[int, str] | None
    ) -> Sequence[AuditEntry]:
        """Up to `limit` entries, newest first, of all tenants for None."""
        position = tuple_(audit_log.c.at, audit_log.c.audit_id)
        query = select(audit_log).order_by(audit_log.c.at.desc(), audit_log.c.audit_id.desc())
        if tenant_id is not None:
            query = query.where(audit_log.c.tenant_id == tenant_id)
        if before is not None:
            query = query.where(position < before)
        async with sql.transaction(self._reading) as connection:
            rows = (await connection.execute(query.limit(limit))).all()
        return [_entry(row) for row in rows]


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        audit_id=row.audit_id,
        at=sql.from_milliseconds(row.at),
        actor=row.actor,
        tenant_id=row.tenant_id,
        action=row.action,
        target=row.target,
        details=orjson.loads(row.details),
    )
