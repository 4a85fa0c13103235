"""ImportBook and ImportQueue in a relational database."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from backends.availability import available
from backends.sql_store import SqlStore
from backends.turns import take_turn
from contracts.imports import ImportJob
from data_pipeline.adapters.tables import imports
from data_pipeline.adapters.transactions import shared_transaction, transaction
from data_pipeline.domain.imports import UNFINISHED, Import

_ENTRY: Final = (
    imports.c.job,
    imports.c.position,
    imports.c.beginnings,
    imports.c.trace_headers,
)
_IS_UNFINISHED: Final = imports.c.status.in_(UNFINISHED)


class _Imports(SqlStore):
    what = "account of the imports"
    table = imports

    async def _entries(self, query: sa.Select[Any, Any, Any, Any]) -> list[Import]:
        with available(self.what):
            async with transaction(self._reading) as connection:
                rows = (await connection.execute(query)).all()
        return [
            Import(ImportJob.model_validate_json(job), position, beginnings, trace_headers)
            for job, position, beginnings, trace_headers in rows
        ]


class SqlImportBook(_Imports):
    """A row per import: the job as JSON, and beside it what is searched by.

    The ids begin with the time of creation, so they are also the order.
    """

    async def add(self, entry: Import, limit: int) -> bool:
        """Count and insert in one transaction."""
        job = entry.job
        count = sa.select(sa.func.count()).where(imports.c.tenant_id == job.tenant_id)
        with available(self.what):
            async with transaction(self._engine) as connection:
                await take_turn(connection, imports.name)
                if (await connection.execute(count.where(_IS_UNFINISHED))).scalar_one() >= limit:
                    return False
                keys = {"import_id": job.import_id, "tenant_id": job.tenant_id}
                await connection.execute(imports.insert().values({**keys, **_values(entry)}))
        return True

    async def find(self, tenant_id: str, import_id: str) -> Import | None:
        """One import of the tenant."""
        query = sa.select(*_ENTRY).where(
            imports.c.tenant_id == tenant_id, imports.c.import_id == import_id
        )
        return next(iter(await self._entries(query)), None)

    async def page(self, tenant_id: str, before: str | None, limit: int) -> Sequence[ImportJob]:
        """The tenant's imports, newest first."""
        query = sa.select(*_ENTRY).where(imports.c.tenant_id == tenant_id)
        if before is not None:
            query = query.where(imports.c.import_id < before)
        query = query.order_by(imports.c.import_id.desc()).limit(limit)
        return [entry.job for entry in await self._entries(query)]

    async def unfinished(self, tenant_id: str | None = None) -> Sequence[str]:
        """The ids of queued and running imports."""
        query = sa.select(imports.c.import_id).where(_IS_UNFINISHED).order_by(imports.c.import_id)
        if tenant_id is not None:
            query = query.where(imports.c.tenant_id == tenant_id)
        with available(self.what):
            async with transaction(self._reading) as connection:
                return (await connection.execute(query)).scalars().all()


class SqlImportQueue(_Imports):
    """The same rows, for the worker."""

    async def waiting(self, tenants: int) -> Sequence[Import]:
        """The oldest unfinished import of each tenant."""
        oldest = sa.select(sa.func.min(imports.c.import_id)).where(_IS_UNFINISHED)
        oldest = oldest.group_by(imports.c.tenant_id)
        query = sa.select(*_ENTRY).where(imports.c.import_id.in_(oldest))
        return await self._entries(query.order_by(imports.c.import_id).limit(tenants))

    async def save(self, entry: Import) -> bool:
        """Update where the row is not finished."""
        this = (imports.c.import_id == entry.job.import_id) & _IS_UNFINISHED
        update = imports.update().where(this).values(_values(entry))
        with available(self.what):
            async with transaction(self._engine) as connection:
                return (await connection.execute(update)).rowcount == 1

    @asynccontextmanager
    async def together(self) -> AsyncGenerator[None]:
        """A transaction that the stores of this database take part in."""
        with available("database"):
            async with shared_transaction(self._engine):
                yield

    async def purge(self, before_ms: int) -> int:
        """Delete the rows of old finished imports."""
        old = imports.c.finished_at_ms < before_ms
        with available(self.what):
            async with transaction(self._engine) as connection:
                return (await connection.execute(imports.delete().where(old))).rowcount


def _values(entry: Import) -> Mapping[str, Any]:
    job = entry.job
    return {
        "status": job.status,
        "created_at_ms": _milliseconds(job.created_at),
        "finished_at_ms": _milliseconds(job.finished_at) if job.finished_at else None,
        "position": entry.position,
        "beginnings": entry.beginnings,
        "trace_headers": dict(entry.trace_headers),
        "job": job.model_dump_json(),
    }


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
