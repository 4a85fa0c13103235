"""ApiKeyStore and AccessDirectory over SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Row, case, func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from backend_api.adapters import sql
from backend_api.adapters.audit_log import write_entry
from backend_api.adapters.tables import api_keys, plans, tenants
from backend_api.domain.access import Access
from backend_api.domain.errors import NoSuchKey, NoSuchTenant
from backend_api.domain.keys import KeyRecord, StoredKey
from backends.sql_store import SqlStore
from contracts.public.access import ApiKey, AuditEntry, Scope, TenantStatus


class SqlApiKeyStore(SqlStore):
    """Keys in the table `api_keys`; those without a tenant are the operator's."""

    table = api_keys

    async def add(
        self, key: StoredKey, entry: AuditEntry, *, replaces: tuple[str, datetime] | None = None
    ) -> None:
        """Keep a key, and let the one that it replaces end at the given time at the latest."""
        try:
            async with sql.transaction(self._engine) as connection:
                await connection.execute(insert(api_keys).values(_row(key)))
                if replaces is not None:
                    await connection.execute(_ends(*replaces))
                await write_entry(connection, entry)
        except IntegrityError as error:
            raise NoSuchTenant(key.key.tenant_id or "") from error

    async def find(self, tenant_id: str | None, key_id: str) -> ApiKey | None:
        """The tenant's key, revoked or not, or None."""
        query = select(api_keys).where(_owned(tenant_id), api_keys.c.key_id == key_id)
        async with sql.transaction(self._reading) as connection:
            row = (await connection.execute(query)).one_or_none()
        return _key(row) if row else None

    async def page(
        self, tenant_id: str | None, limit: int, after: tuple[int, str] | None
    ) -> Sequence[ApiKey]:
        """Up to `limit` keys, oldest first, after the one of this time (Unix ms) and id."""
        order = (api_keys.c.created_at, api_keys.c.key_id)
        query = select(api_keys).where(_owned(tenant_id)).order_by(*order).limit(limit)
        if after is not None:
            query = query.where(tuple_(*order) > after)
        async with sql.transaction(self._reading) as connection:
            rows = (await connection.execute(query)).all()
        return [_key(row) for row in rows]

    async def revoke(
        self, tenant_id: str | None, key_id: str, at: datetime, entry: AuditEntry
    ) -> None:
        """Mark a key as revoked; one revoked before keeps its time. Raises `NoSuchKey`."""
        statement = (
            update(api_keys)
            .where(_owned(tenant_id), api_keys.c.key_id == key_id)
            .values(revoked_at=func.coalesce(api_keys.c.revoked_at, sql.to_milliseconds(at)))
        )
        async with sql.transaction(self._engine) as connection:
            if (await connection.execute(statement)).rowcount == 0:
                raise NoSuchKey(key_id)
            await write_entry(connection, entry)


class SqlAccessDirectory(SqlStore):
    """A key with its tenant and its plan, by one query."""

    table = api_keys

    async def find(self, key_id: str) -> KeyRecord | None:
        """The key with its tenant and its plan, revoked or not, or None."""
        joined = api_keys.outerjoin(tenants, api_keys.c.tenant_id == tenants.c.tenant_id).outerjoin(
            plans, tenants.c.plan_id == plans.c.plan_id
        )
        query = (
            select(
                api_keys,
                tenants.c.status,
                plans.c.limits,
                plans.c.monthly_requests,
                plans.c.price,
                plans.c.currency,
            )
            .select_from(joined)
            .where(api_keys.c.key_id == key_id)
        )
        async with sql.transaction(self._reading) as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        return KeyRecord(_access(row), row.key_hash, revoked=row.revoked_at is not None)


def _owned(tenant_id: str | None) -> ColumnElement[bool]:
    return api_keys.c.tenant_id.is_not_distinct_from(tenant_id)


def _ends(key_id: str, at: datetime) -> Any:
    end, present = sql.to_milliseconds(at), api_keys.c.expires_at
    earlier = case((present < end, present), else_=end)
    return update(api_keys).where(api_keys.c.key_id == key_id).values(expires_at=earlier)


def _row(stored: StoredKey) -> dict[str, Any]:
    key = stored.key
    return {
        "key_id": key.key_id,
        "tenant_id": key.tenant_id,
        "key_hash": stored.key_hash,
        "name": key.name,
        "scopes": ",".join(key.scopes),
        "created_at": sql.to_milliseconds(key.created_at),
        "expires_at": sql.to_milliseconds(key.expires_at) if key.expires_at else None,
    }


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        key_id=row.key_id,
        tenant_id=row.tenant_id,
        name=row.name,
        scopes=[Scope(scope) for scope in row.scopes.split(",")],
        created_at=sql.from_milliseconds(row.created_at),
        expires_at=_moment(row.expires_at),
        last_used_at=_moment(row.last_used_at),
        revoked_at=_moment(row.revoked_at),
    )


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else sql.from_milliseconds(milliseconds)


def _access(row: Row[Any]) -> Access:
    limits: dict[str, dict[str, Any]] = orjson.loads(row.limits) if row.limits else {}
    return Access(
        key_id=row.key_id,
        tenant_id=row.tenant_id,
        scopes=frozenset(row.scopes.split(",")),
        expires_at=None if row.expires_at is None else row.expires_at / 1000,
        suspended=row.status == TenantStatus.SUSPENDED,
        limits={name: (limit["per_second"], limit["burst"]) for name, limit in limits.items()},
        monthly_requests=row.monthly_requests,
        price=row.price or 0,
        currency=row.currency or "",
    )
