"""ServingStore in a relational database."""

import json
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backends.availability import available
from backends.sql_store import SqlStore
from ml_engine.adapters.tables import serving_sequence, serving_versions, version_marks
from ml_engine.registry.ports import Mark, ServingChange

_NEXT = (
    serving_sequence.update()
    .values(sequence=serving_sequence.c.sequence + 1)
    .returning(serving_sequence.c.sequence)
)


class SqlServingStore(SqlStore):
    """A row per tenant, numbered by its last change.

    Every change locks the row of the sequence until it is committed: changes happen one after
    another, and none appears below a number that was read.
    """

    what = "serving versions database"
    table = serving_versions

    async def history(self, tenant_id: str) -> Sequence[str]:
        """The versions that served, the one that serves first."""
        with available(self.what):
            async with self._reading.begin() as connection:
                return await read_history(connection, tenant_id)

    async def replace(self, tenant_id: str, seen: Sequence[str], history: Sequence[str]) -> int:
        """Put `history` in the place of the one that was seen; 0 where that has changed."""
        with available(self.what):
            async with self._engine.connect() as connection, connection.begin() as change:
                sequence = (await connection.execute(_NEXT)).scalar_one()
                present = await read_history(connection, tenant_id)
                if present != list(seen) or await _leaves(connection, tenant_id, history[0]):
                    await change.rollback()
                    return 0
                values = {"sequence": sequence, "history": json.dumps(list(history))}
                if not present:
                    statement = serving_versions.insert().values(tenant_id=tenant_id, **values)
                else:
                    this = serving_versions.c.tenant_id == tenant_id
                    statement = serving_versions.update().where(this).values(values)
                await connection.execute(statement)
                return sequence

    async def changes(self, after: int) -> Sequence[ServingChange]:
        """Of each tenant the last change, where it came after the one with this sequence."""
        query = (
            sa.select(serving_versions)
            .where(serving_versions.c.sequence > after)
            .order_by(serving_versions.c.sequence)
        )
        with available(self.what):
            async with self._reading.begin() as connection:
                rows = (await connection.execute(query)).all()
        return [
            ServingChange(row.sequence, row.tenant_id, json.loads(row.history)[0]) for row in rows
        ]


async def read_history(connection: AsyncConnection, tenant_id: str) -> list[str]:
    """The versions that served a tenant, the one that serves first."""
    this = serving_versions.c.tenant_id == tenant_id
    row = (await connection.execute(sa.select(serving_versions.c.history).where(this))).first()
    return json.loads(row.history) if row else []


async def _leaves(connection: AsyncConnection, tenant_id: str, version: str) -> bool:
    query = sa.select(version_marks.c.mark).where(
        version_marks.c.tenant_id == tenant_id, version_marks.c.version == version
    )
    return (await connection.execute(query)).scalar_one_or_none() == Mark.LEAVING
