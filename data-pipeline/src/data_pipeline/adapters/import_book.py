"""ImportBook, ImportQueue and ImportClaims in a relational database."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
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
from data_pipeline.domain.import_ports import OpenImport
from data_pipeline.domain.imports import UNFINISHED, Import

_ENTRY: Final = (
    imports.c.job,
    imports.c.position,
    imports.c.beginnings,
    imports.c.trace_headers,
)
_CLAIM: Final = (imports.c.holder, imports.c.renewals)
_IS_UNFINISHED: Final = imports.c.status.in_(UNFINISHED)


class _Imports(SqlStore):
    what = "account of the imports"
    table = imports

    async def _entries(self, query: sa.Select[Any, Any, Any, Any]) -> list[Import]:
        with available(self.what):
            async with transaction(self._reading) as connection:
                rows = (await connection.execute(query)).all()
        return [_import(*row) for row in rows]


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
                keys = {"import_id": job.import_id, "tenant_id": job.tenant_id, "renewals": 0}
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
    """The same rows, of which one that has ended stays as it is."""

    async def save(self, entry: Import, holder: str) -> bool:
        """Update where the row is not finished and has this holder."""
        this = imports.c.import_id == entry.job.import_id
        update = imports.update().where(this, _IS_UNFINISHED, imports.c.holder == holder)
        with available(self.what):
            async with transaction(self._engine) as connection:
                written = await connection.execute(update.values(_values(entry)))
                return written.rowcount == 1

    async def change(
        self, tenant_id: str, import_id: str, change: Callable[[Import], Import]
    ) -> Import | None:
        """Read the row, which nobody else writes until the commit, and update it."""
        this = (imports.c.tenant_id == tenant_id) & (imports.c.import_id == import_id)
        with available(self.what):
            async with transaction(self._engine) as connection:
                query = sa.select(*_ENTRY).where(this).with_for_update()
                found = (await connection.execute(query)).one_or_none()
                if found is None:
                    return None
                before = _import(*found)
                after = change(before)
                if after != before:
                    await connection.execute(imports.update().where(this).values(_values(after)))
                return after

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


class SqlImportClaims(_Imports):
    """The same rows: each change of a claim counts `renewals` up.

    A claim is made only where they are as they were seen: of two replicas that claim at once, the
    statement of one finds no row.
    """

    async def waiting(self, tenants: int) -> Sequence[OpenImport]:
        """The oldest unfinished import of each tenant."""
        oldest = sa.select(sa.func.min(imports.c.import_id)).where(_IS_UNFINISHED)
        oldest = imports.c.import_id.in_(oldest.group_by(imports.c.tenant_id))
        of_nobody = sa.select(imports).where(oldest, imports.c.holder.is_(None))
        of_nobody = of_nobody.order_by(imports.c.import_id).limit(tenants).subquery()
        of_some = sa.select(imports).where(oldest, imports.c.holder.is_not(None))
        # In one statement: what is claimed meanwhile would come twice, or not at all.
        found = sa.union_all(of_some, sa.select(of_nobody)).subquery()
        columns = (found.c[column.name] for column in (*_ENTRY, *_CLAIM))
        with available(self.what):
            async with self._reading.begin() as connection:
                query = sa.select(*columns).order_by(found.c.import_id)
                rows = (await connection.execute(query)).all()
        return [_open_import(row) for row in rows]

    async def claim(self, seen: OpenImport, holder: str) -> bool:
        """Hold the import where its row is as it was seen."""
        this = imports.c.import_id == seen.claim_id
        unchanged = imports.c.renewals == seen.renewals
        return await self._write(holder, this, _IS_UNFINISHED, unchanged) == 1

    async def renew(self, holder: str) -> None:
        """Count the renewals up."""
        await self._write(holder, imports.c.holder == holder, _IS_UNFINISHED)

    async def release(self, holder: str) -> None:
        """Leave no holder in the rows."""
        await self._write(None, imports.c.holder == holder, _IS_UNFINISHED)

    async def _write(self, holder: str | None, *where: sa.ColumnElement[bool]) -> int:
        values = {"holder": holder, "renewals": imports.c.renewals + 1}
        with available(self.what):
            async with self._engine.begin() as connection:
                return (
                    await connection.execute(imports.update().where(*where).values(values))
                ).rowcount


def _open_import(row: sa.Row[Any]) -> OpenImport:
    entry = _import(row.job, row.position, row.beginnings, row.trace_headers)
    return OpenImport(entry, row.holder, row.renewals)


def _import(job: str, position: int, beginnings: int, trace_headers: Mapping[str, str]) -> Import:
    return Import(ImportJob.model_validate_json(job), position, beginnings, trace_headers)


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
