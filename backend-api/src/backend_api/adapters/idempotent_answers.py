"""The answers kept under Idempotency-Keys, as a place that may hold something of a user."""

from collections.abc import Sequence

import orjson
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from backend_api.adapters import sql
from backend_api.adapters.tables import idempotency_keys as kept
from backends.database import reading


class SqlIdempotentAnswers:
    """Answers in the table `idempotency_keys` that name a user, which is looked for as JSON."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self.name = "idempotent answers"

    async def erase(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """Forget the answers that name one of these users; their keys are free again."""
        found = await self._naming(tenant_id, user_ids)
        if not found:
            return 0
        statement = delete(kept).where(kept.c.owner == tenant_id, kept.c.idempotency_key.in_(found))
        async with sql.transaction(self._engine) as connection:
            return (await connection.execute(statement)).rowcount

    async def count(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """How many answers name one of these users."""
        return len(await self._naming(tenant_id, user_ids))

    async def _naming(self, tenant_id: str, user_ids: Sequence[str]) -> list[str]:
        named = [orjson.dumps(user_id) for user_id in user_ids]
        query = select(kept.c.idempotency_key, kept.c.body).where(
            kept.c.owner == tenant_id, kept.c.body.is_not(None)
        )
        async with sql.transaction(self._reading) as connection:
            rows = await connection.stream(query)
            return [
                row.idempotency_key async for row in rows if any(name in row.body for name in named)
            ]
