"""ErasureStore over SQL."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from backend_api.adapters import sql
from backend_api.adapters.product_tables import erasure_secret, erasures
from backend_api.domain.erasures import Erasure
from backends.database import reading
from backends.sql_store import SqlStore
from backends.turns import take_turn
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
        """Keep an erasure that begins; one of this user that was cut off begins again instead."""
        assert erasure.begun_at is not None  # noqa: S101 - it begins
        cut_off = select(erasures).where(
            erasures.c.tenant_id == erasure.tenant_id,
            erasures.c.user_id_hash == erasure.user_id_hash,
            erasures.c.completed_at.is_(None),
        )
        async with sql.transaction(self._engine) as connection:
            await take_turn(connection, erasures.name)
            known = (await connection.execute(cut_off)).first()
            begun = erasure if known is None else _again(_erasure(known), erasure)
            row = {
                "requested_at": sql.to_milliseconds(begun.requested_at),
                "merged_id_hashes": " ".join(sorted(begun.merged_id_hashes)),
                "begun_at": sql.to_milliseconds(erasure.begun_at),
            }
            if known is None:
                row |= {
                    "erasure_id": erasure.erasure_id,
                    "tenant_id": erasure.tenant_id,
                    "user_id_hash": erasure.user_id_hash,
                }
                await connection.execute(insert(erasures).values(row))
            else:
                same = erasures.c.erasure_id == begun.erasure_id
                await connection.execute(update(erasures).where(same).values(row))
        return begun

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

    async def begun_since(self, moment: datetime) -> Sequence[Erasure]:
        """The erasures of all tenants that began, or began again, at `moment` or later."""
        query = select(erasures).where(erasures.c.begun_at >= sql.to_milliseconds(moment))
        async with sql.transaction(self._reading) as connection:
            rows = (await connection.execute(query)).all()
        return [_erasure(row) for row in rows]


def _again(known: Erasure, erasure: Erasure) -> Erasure:
    # What was merged into the user may be forgotten by now.
    merged = known.merged_id_hashes | erasure.merged_id_hashes
    return replace(known, merged_id_hashes=merged, begun_at=erasure.begun_at)


def _erasure(row: Row[Any]) -> Erasure:
    ended = row.completed_at is not None
    return Erasure(
        row.erasure_id,
        row.tenant_id,
        row.user_id_hash,
        sql.from_milliseconds(row.requested_at),
        sql.from_milliseconds(row.completed_at) if ended else None,
        _places.validate_json(row.places) if ended else (),
        frozenset(row.merged_id_hashes.split()),
        sql.from_milliseconds(row.begun_at),
    )
