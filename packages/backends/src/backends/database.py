"""Relational databases by URL: SQLite (WAL) embedded, PostgreSQL scaled."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, QueuePool, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from backends.embedded.writing_turns import WritingTurns
from backends.scaled.postgresql import (
    COMMAND_SECONDS,
    engine_options,
    replace_ended_connections,
)

BUSY_TIMEOUT_MS = 5_000
CLOSING_SECONDS = 5.0


def open_engine(
    url: str, pool_size: int, command_seconds: float | None = COMMAND_SECONDS
) -> AsyncEngine:
    """An engine for `url`. A commit is on disk when it returns.

    `command_seconds` is what one statement on a server may take, None for any time.
    """
    if make_url(url).get_backend_name() == "postgresql":
        options = engine_options(command_seconds)
        engine = create_async_engine(url, pool_size=pool_size, **options)
        replace_ended_connections(engine)
        return engine
    # Every transaction is ended by its own block, so none is left for the pool to roll back.
    engine = create_async_engine(url, pool_size=pool_size, pool_reset_on_return=None)
    if engine.dialect.name == "sqlite":
        _create_folder(engine)
        _tune_sqlite(engine)
    return engine


async def close_engine(engine: AsyncEngine) -> None:
    """Close the connections, once those in use are back.

    A transaction that was cancelled gives its connection back a moment later, beside its caller.
    """
    pool = engine.sync_engine.pool
    assert isinstance(pool, QueuePool)  # noqa: S101 - what `open_engine` makes
    returned = asyncio.Event()

    def note(*_: object) -> None:
        returned.set()

    event.listen(pool, "checkin", note)
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSING_SECONDS):
            while pool.checkedout():
                returned.clear()
                await returned.wait()
    event.remove(pool, "checkin", note)
    await engine.dispose()


def database_file(engine: AsyncEngine) -> Path | None:
    """The file of a SQLite database, None for other engines."""
    name = engine.url.database
    return Path(name) if engine.dialect.name == "sqlite" and name else None


def reading(engine: AsyncEngine) -> AsyncEngine:
    """The same engine for single statements that only read: each sees one moment of the data.

    They never wait for a writer, and SQLite needs no transaction around them.
    """
    return engine.execution_options(read_only=True, postgresql_readonly=True)


def _create_folder(engine: AsyncEngine) -> None:
    if engine.url.database and engine.url.database != ":memory:":
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)


def _tune_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        # The driver would begin transactions by itself, too late for SELECT then INSERT.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA foreign_keys=ON")
        # What is deleted is overwritten: erased data must not stay in the file.
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "invalidate")
    def _roll_back(connection: Any, *_: object) -> None:
        # Of whoever was cancelled: closed as it is, it would keep its lock for as long as anything,
        # such as a traceback, holds a statement of it. What was asked is done, waited for or not.
        with suppress(Exception, asyncio.CancelledError):
            connection.run_async(lambda driver: driver.rollback())

    turns = WritingTurns(BUSY_TIMEOUT_MS / 1000)
    event.listen(engine.sync_engine, "checkin", turns.give_back)

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("read_only", False):
            return
        turns.take(connection)
        # Taking the write lock at once lets writers queue instead of failing in mid-transaction.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
