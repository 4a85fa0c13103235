"""ErasureStore over SQL."""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from backend_api.adapters import sql
from backend_api.adapters.product_tables import erasure_secret, erasures
from backend_api.domain.erasures import Erasure
from backends.database import reading
from backends.sql_store import SqlStore
from contracts.users import ErasedPlace

_places: Final = TypeAdapter(tuple[ErasedPlace, ...])


async def read_erasure_secret(engine: AsyncEngine) -> bytes:
    """The installation's secret for naming users in receipts."""
    async with sql.transaction(reading(engine)) as connection:
        return (await connection.execute(select(erasure_secret.c.secret))).scalar_one()


class SqlErasureStore(SqlStore):
    """Receipts in the table `erasures`."""

    table = erasures

    async def begin(self, erasure: Erasure) -> Erasure:
        """Keep an erasure that begins; one of this user that was cut off is answered instead."""
        cut_off = select(erasures).where(
            erasures.c.tenant_id == erasure.tenant_id,
            erasures.c.user_id_hash == erasure.user_id_hash,
            erasures.c.completed_at.is_(None),
        )
        row = {
            "erasure_id": erasure.erasure_id,
            "tenant_id": erasure.tenant_id,
            "user_id_hash": erasure.user_id_hash,
            "requested_at": sql.to_milliseconds(erasure.requested_at),
        }
        async with sql.transaction(self._engine) as connection:
            known = (await connection.execute(cut_off)).first()
            if known is not None:
                return _erasure(known)
            await connection.execute(insert(erasures).values(row))
        return erasure

    async def complete(self, erasure: Erasure) -> None:
        """Keep how an erasure ended."""
        assert erasure.completed_at is not None  # noqa: S101 - it has ended
        statement = (
            update(erasures)
            .where(erasures.c.erasure_id == erasure.erasure_id)
            .values(
                completed_at=sql.to_milliseconds(erasure.completed_at),
                places=_places.dump_json(erasure.places).decode(),
            )
        )
        async with sql.transaction(self._engine) as connection:
            await connection.execute(statement)

    async def find(self, tenant_id: str, erasure_id: str) -> Erasure | None:
        """The tenant's erasure, or None."""
        query = select(erasures).where(
            erasures.c.erasure_id == erasure_id, erasures.c.tenant_id == tenant_id
        )
        async with sql.transaction(self._reading) as connection:
            row = (await connection.execute(query)).one_or_none()
        return _erasure(row) if row else None

    async def list_before(self, tenant_id: str, erasure_id: str, limit: int) -> Sequence[Erasure]:
        """Up to `limit` completed erasures whose ids sort before `erasure_id`, newest first."""
        query = (
            select(erasures)
            .where(
                erasures.c.tenant_id == tenant_id,
                erasures.c.erasure_id < erasure_id,
                erasures.c.completed_at.is_not(None),
            )
            .order_by(erasures.c.erasure_id.desc())
            .limit(limit)
        )
        async with sql.transaction(self._reading) as connection:
            rows = (await connection.execute(query)).all()
        return [_erasure(row) for row in rows]


def _erasure(row: Row[Any]) -> Erasure:
    ended = row.completed_at is not None
    return Erasure(
        row.erasure_id,
        row.tenant_id,
        row.user_id_hash,
        sql.from_milliseconds(row.requested_at),
        sql.from_milliseconds(row.completed_at) if ended else None,
        _places.validate_json(row.places) if ended else (),
    )
