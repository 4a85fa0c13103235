"""Copies of databases: the rows of one moment, from either kind to either."""

import sqlite3
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backends.database import close_engine, database_file, open_engine
from backends.migrations import newest_revision, present_revision
from launcher.backup.stores import Database
from launcher.errors import LaunchError

ROWS_AT_ONCE: Final = 50
"""A row with a chunk of the event log may have a megabyte."""

_CONNECTED: Final = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name = current_setting('application_name') AND pid <> pg_backend_pid()"
)


@asynccontextmanager
async def opened(database: Database) -> AsyncGenerator[AsyncEngine]:
    """An engine whose statements may take any time."""
    engine = open_engine(database.url, 1, command_seconds=None)
    try:
        yield engine
    finally:
        await close_engine(engine)


async def require_schema(database: Database) -> str:
    """The revision of a database that has the schema which this program knows.

    Raises:
        LaunchError: it has another one, or there is none.
    """
    needed = newest_revision(database.migrations)
    async with opened(database) as engine:
        file = database_file(engine)
        present = None
        if file is None or file.exists():
            present = await present_revision(engine, database.migrations)
    if present != needed:
        raise LaunchError(
            f"the database of {database.service} has schema {present or 'none'} and this program "
            f"knows {needed}: use the release that the services run"
        )
    return needed


async def is_in_use(database: Database) -> bool:
    """Whether another process is connected."""
    async with opened(database) as engine:
        file = database_file(engine)
        if file is not None:
            return file.exists() and _is_open(file)
        async with engine.connect() as connection:
            return bool(await connection.scalar(_CONNECTED))


async def count_rows(database: Database) -> Mapping[str, int]:
    """How many rows each table has."""
    async with opened(database) as engine, engine.connect() as connection:
        return {
            table.name: await connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in database.metadata.sorted_tables
        }


async def copy_rows(source: Database, target: Database) -> Mapping[str, int]:
    """Let the tables of `target` have the rows of `source` and no others; how many each has.

    Both must have the schema of this program. The rows are those of one moment, and appear at one.
    """
    tables = source.metadata.sorted_tables
    async with (
        opened(source) as origin,
        opened(target) as destination,
        _one_moment(origin) as reading,
        destination.begin() as writing,
    ):
        for table in reversed(tables):
            await writing.execute(table.delete())
        return {table.name: await _copy_table(reading, writing, table) for table in tables}


async def remove_rows(database: Database, table: sa.Table) -> None:
    """Empty a table."""
    async with opened(database) as engine, engine.begin() as connection:
        await connection.execute(table.delete())


async def _copy_table(reading: AsyncConnection, writing: AsyncConnection, table: sa.Table) -> int:
    count = 0
    query = sa.select(table).order_by(*table.primary_key.columns)
    async with reading.stream(query) as rows:
        async for part in rows.mappings().partitions(ROWS_AT_ONCE):
            await writing.execute(table.insert(), [dict(row) for row in part])
            count += len(part)
    if table.kwargs.get("sqlite_autoincrement"):
        await _go_on_from(writing, table, await _last_number(reading, table))
    return count


@asynccontextmanager
async def _one_moment(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    """A connection to which the data stay as they are at its first query."""
    if engine.dialect.name == "sqlite":
        async with engine.execution_options(read_only=True).connect() as connection:
            await connection.exec_driver_sql("BEGIN")
            yield connection
        return
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    async with engine.execution_options(**options).connect() as connection:
        yield connection


async def _last_number(connection: AsyncConnection, table: sa.Table) -> int:
    """The highest number that a row of the table ever had: it is given to no other."""
    if connection.dialect.name == "sqlite":
        query = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :table")
        return await connection.scalar(query, {"table": table.name}) or 0
    sequence = await connection.scalar(_sequence_of(table))
    query = sa.text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}")  # noqa: S608 - the server named it
    return await connection.scalar(query) or 0


async def _go_on_from(connection: AsyncConnection, table: sa.Table, last: int) -> None:
    if connection.dialect.name == "sqlite":
        values = {"table": table.name, "last": last}
        await connection.execute(
            sa.text("DELETE FROM sqlite_sequence WHERE name = :table"), {"table": table.name}
        )
        await connection.execute(
            sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)"), values
        )
        return
    sequence = await connection.scalar(_sequence_of(table))
    set_value = sa.func.setval(sa.cast(sequence, sa.Text), max(last, 1), last > 0)
    await connection.execute(sa.select(set_value))


def _sequence_of(table: sa.Table) -> sa.Select[tuple[str]]:
    (column,) = table.primary_key.columns
    return sa.select(sa.func.pg_get_serial_sequence(table.name, column.name))


def _is_open(file: Path) -> bool:
    """Whether anybody else has the file open: then it cannot leave its journal behind."""
    with closing(sqlite3.connect(file, timeout=0)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError:
            return True
    return False
