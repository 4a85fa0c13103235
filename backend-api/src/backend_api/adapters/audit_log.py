"""AuditLog over SQL."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Row, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backend_api.adapters import sql
from backend_api.adapters.tables import audit_log
from backends.database import close_engine, reading
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


class SqlAuditLog:
    """Entries in the table `audit_log`; none is ever changed or removed."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = reading(engine)

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

    async def ping(self) -> None:
        """Read a row."""
        async with sql.transaction(self._reading) as connection:
            await connection.execute(select(audit_log.c.audit_id).limit(1))

    async def close(self) -> None:
        """Close the connections."""
        await close_engine(self._engine)


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
