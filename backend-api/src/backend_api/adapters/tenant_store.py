"""TenantStore over SQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from backend_api.adapters import sql
from backend_api.adapters.audit_log import write_entry
from backend_api.adapters.tables import plans, tenants
from backend_api.domain.access_errors import PlanNotFound
from backend_api.domain.errors import NoSuchTenant, TenantExists
from backends.sql_store import SqlStore
from contracts.public.access import AuditEntry, Tenant, TenantChanges, TenantStatus


class SqlTenantStore(SqlStore):
    """Tenants in the table `tenants`."""

    table = tenants

    async def add(self, tenant: Tenant, entry: AuditEntry) -> None:
        """Keep a tenant. Raises `TenantExists` and `PlanNotFound`."""
        row = {
            "tenant_id": tenant.tenant_id,
            "name": tenant.name,
            "plan_id": tenant.plan_id,
            "status": tenant.status.value,
            "created_at": sql.to_milliseconds(tenant.created_at),
        }
        try:
            async with sql.transaction(self._engine) as connection:
                await _known_plan(connection, tenant.plan_id)
                await connection.execute(insert(tenants).values(row))
                await write_entry(connection, entry)
        except IntegrityError as error:
            raise TenantExists(tenant.tenant_id) from error

    async def find(self, tenant_id: str) -> Tenant | None:
        """The tenant, or None."""
        query = select(tenants).where(tenants.c.tenant_id == tenant_id)
        async with sql.transaction(self._reading) as connection:
            row = (await connection.execute(query)).one_or_none()
        return _tenant(row) if row else None

    async def page(self, limit: int, after: str | None) -> Sequence[Tenant]:
        """Up to `limit` tenants by id, from the one after `after`."""
        query = select(tenants).order_by(tenants.c.tenant_id).limit(limit)
        if after is not None:
            query = query.where(tenants.c.tenant_id > after)
        async with sql.transaction(self._reading) as connection:
            rows = (await connection.execute(query)).all()
        return [_tenant(row) for row in rows]

    async def change(self, tenant_id: str, changes: TenantChanges, entry: AuditEntry) -> Tenant:
        """The tenant with what is set in `changes`. Raises `NoSuchTenant` and `PlanNotFound`."""
        values = changes.model_dump(mode="json", exclude_none=True)
        chosen = tenants.c.tenant_id == tenant_id
        async with sql.transaction(self._engine) as connection:
            if changes.plan_id is not None:
                await _known_plan(connection, changes.plan_id)
            if values:
                await connection.execute(update(tenants).where(chosen).values(values))
            row = (await connection.execute(select(tenants).where(chosen))).one_or_none()
            if row is None:
                raise NoSuchTenant(tenant_id)
            await write_entry(connection, entry)
        return _tenant(row)


async def _known_plan(connection: AsyncConnection, plan_id: str) -> None:
    # Locked, so that nobody deletes it before this transaction ends.
    query = select(plans.c.plan_id).where(plans.c.plan_id == plan_id).with_for_update(read=True)
    if (await connection.execute(query)).one_or_none() is None:
        raise PlanNotFound(plan_id)


def _tenant(row: Row[Any]) -> Tenant:
    return Tenant(
        tenant_id=row.tenant_id,
        name=row.name,
        plan_id=row.plan_id,
        status=TenantStatus(row.status),
        created_at=sql.from_milliseconds(row.created_at),
    )
