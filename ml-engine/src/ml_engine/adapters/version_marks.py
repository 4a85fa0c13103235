"""VersionMarks in a relational database."""

import json
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from backends.availability import available
from backends.sql_store import SqlStore
from ml_engine.adapters.serving_store import read_history
from ml_engine.adapters.tables import serving_sequence, serving_versions, version_marks
from ml_engine.registry.ports import WAYS_BACK, Mark, MarkedVersion

_LOCK = serving_sequence.update().values(sequence=serving_sequence.c.sequence)
"""What serves does not change meanwhile."""


class SqlVersionMarks(SqlStore):
    """A row per marked version; each change is one after another with those of what serves."""

    what = "version marks database"
    table = version_marks

    async def marked(self, tenant_id: str | None = None) -> Sequence[MarkedVersion]:
        """The marked versions of a tenant, or of all tenants."""
        query = sa.select(version_marks)
        if tenant_id is not None:
            query = query.where(version_marks.c.tenant_id == tenant_id)
        with available(self.what):
            async with self._reading.begin() as connection:
                rows = (await connection.execute(query)).all()
        return [MarkedVersion(row.tenant_id, row.version, Mark(row.mark)) for row in rows]

    async def pin(self, tenant_id: str, version: str) -> bool:
        """Mark a version as pinned; False where it leaves."""
        with available(self.what):
            async with self._engine.begin() as connection:
                await connection.execute(_LOCK)
                present = await _mark(connection, tenant_id, version)
                if present is None:
                    await _put(connection, tenant_id, version, Mark.PINNED)
                return present != Mark.LEAVING

    async def let_leave(self, tenant_id: str, version: str) -> bool:
        """Mark a version as leaving, and take it from the tenant's history.

        False where it serves, served just before, or has a mark.
        """
        with available(self.what):
            async with self._engine.begin() as connection:
                await connection.execute(_LOCK)
                history = await read_history(connection, tenant_id)
                marked = await _mark(connection, tenant_id, version) is not None
                if marked or version in history[:WAYS_BACK]:
                    return False
                if version in history:
                    history.remove(version)
                    this = serving_versions.c.tenant_id == tenant_id
                    update = serving_versions.update().where(this)
                    await connection.execute(update.values(history=json.dumps(history)))
                await _put(connection, tenant_id, version, Mark.LEAVING)
                return True

    async def unmark(self, tenant_id: str, version: str, mark: Mark) -> None:
        """Take this mark from a version, if it has it."""
        gone = version_marks.delete().where(
            *_is(tenant_id, version), version_marks.c.mark == mark.value
        )
        with available(self.what):
            async with self._engine.begin() as connection:
                await connection.execute(gone)


async def _mark(connection: AsyncConnection, tenant_id: str, version: str) -> str | None:
    query = sa.select(version_marks.c.mark).where(*_is(tenant_id, version))
    return (await connection.execute(query)).scalar_one_or_none()


async def _put(connection: AsyncConnection, tenant_id: str, version: str, mark: Mark) -> None:
    row = {"tenant_id": tenant_id, "version": version, "mark": mark.value}
    await connection.execute(version_marks.insert().values(row))


def _is(tenant_id: str, version: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return version_marks.c.tenant_id == tenant_id, version_marks.c.version == version
