"""ApiKeyStore over SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from backend_api.adapters import sql
from backend_api.adapters.tables import api_keys
from backend_api.domain.errors import NoSuchKey, NoSuchTenant
from backend_api.domain.keys import ApiKey
from backends.database import reading


class SqlApiKeyStore:
    """Keys in the table `api_keys`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = reading(engine)

    async def add(self, key: ApiKey) -> None:
        """Keep a key. Raises `NoSuchTenant`."""
        row = {
            "key_id": key.key_id,
            "tenant_id": key.tenant_id,
            "key_hash": key.key_hash,
            "created_at": sql.to_milliseconds(key.created_at),
        }
        try:
            async with sql.transaction(self._engine) as connection:
                await connection.execute(insert(api_keys).values(row))
        except IntegrityError as error:
            raise NoSuchTenant(key.tenant_id) from error

    async def find(self, key_id: str) -> ApiKey | None:
        """The key, revoked or not, or None."""
        query = select(api_keys).where(api_keys.c.key_id == key_id)
        async with sql.transaction(self._reading) as connection:
            row = (await connection.execute(query)).one_or_none()
        return _key(row) if row else None

    async def of_tenant(self, tenant_id: str) -> Sequence[ApiKey]:
        """The tenant's keys, revoked ones too, oldest first."""
        query = (
            select(api_keys)
            .where(api_keys.c.tenant_id == tenant_id)
            .order_by(api_keys.c.created_at, api_keys.c.key_id)
        )
        async with sql.transaction(self._reading) as connection:
            rows = (await connection.execute(query)).all()
        return [_key(row) for row in rows]

    async def revoke(self, key_id: str, at: datetime) -> None:
        """Mark a key as revoked; one revoked before keeps its time. Raises `NoSuchKey`."""
        statement = (
            update(api_keys)
            .where(api_keys.c.key_id == key_id)
            .values(revoked_at=func.coalesce(api_keys.c.revoked_at, sql.to_milliseconds(at)))
        )
        async with sql.transaction(self._engine) as connection:
            result = await connection.execute(statement)
        if result.rowcount == 0:
            raise NoSuchKey(key_id)

    async def ping(self) -> None:
        """Read a row."""
        async with sql.transaction(self._reading) as connection:
            await connection.execute(select(api_keys.c.key_id).limit(1))

    async def close(self) -> None:
        """Close the connections."""
        await self._engine.dispose()


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        row.key_id,
        row.tenant_id,
        row.key_hash,
        sql.from_milliseconds(row.created_at),
        None if row.revoked_at is None else sql.from_milliseconds(row.revoked_at),
    )
