"""TenantStore over SQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from backend_api.adapters import sql
from backend_api.adapters.tables import tenants
from backend_api.domain.errors import TenantExists
from backend_api.domain.tenants import Tenant
from backends.database import reading


class SqlTenantStore:
    """Tenants in the table `tenants`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = reading(engine)

    async def add(self, tenant: Tenant) -> None:
        """Keep a tenant. Raises `TenantExists`."""
        row = {
            "tenant_id": tenant.tenant_id,
            "name": tenant.name,
            "created_at": sql.to_milliseconds(tenant.created_at),
        }
        try:
            async with sql.transaction(self._engine) as connection:
                await connection.execute(insert(tenants).values(row))
        except IntegrityError as error:
            raise TenantExists(tenant.tenant_id) from error

    async def find(self, tenant_id: str) -> Tenant | None:
        """The tenant, or None."""
        query = select(tenants).where(tenants.c.tenant_id == tenant_id)
        async with sql.transaction(self._reading) as connection:
            row = (await connection.execute(query)).one_or_none()
        return _tenant(row) if row else None

    async def all(self) -> Sequence[Tenant]:
        """Every tenant, by its id."""
        query = select(tenants).order_by(tenants.c.tenant_id)
        async with sql.transaction(self._reading) as connection:
            rows = (await connection.execute(query)).all()
        return [_tenant(row) for row in rows]

    async def ping(self) -> None:
        """Read a row."""
        async with sql.transaction(self._reading) as connection:
            await connection.execute(select(tenants.c.tenant_id).limit(1))

    async def close(self) -> None:
        """Close the connections."""
        await self._engine.dispose()


def _tenant(row: Row[Any]) -> Tenant:
    return Tenant(row.tenant_id, row.name, sql.from_milliseconds(row.created_at))
