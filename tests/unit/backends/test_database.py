"""Connections end well: those in use when an engine is closed, and those of whom is cancelled."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from backends.database import close_engine, open_engine

pytestmark = pytest.mark.anyio

MUCH = sa.text(
    "INSERT INTO numbers WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
    "WHERE i < 100000) SELECT i FROM n RETURNING i"
)


async def test_a_connection_in_use_comes_back_before_the_engine_closes(database_url: str) -> None:
    engine = open_engine(database_url, 1)
    begun, end = asyncio.Event(), asyncio.Event()

    async def transaction() -> None:
        async with engine.begin() as connection:
            await connection.execute(sa.text("SELECT 1"))
            begun.set()
            await end.wait()

    work = asyncio.create_task(transaction())
    await begun.wait()
    closing = asyncio.create_task(close_engine(engine))
    await asyncio.sleep(0)
    assert not closing.done()
    end.set()
    await closing
    assert work.done()


async def test_an_engine_that_nobody_uses_closes_at_once(database_url: str) -> None:
    engine = open_engine(database_url, 1)
    async with engine.begin() as connection:
        await connection.execute(sa.text("SELECT 1"))
    async with asyncio.timeout(4):
        await close_engine(engine)


async def test_a_writer_that_is_cancelled_leaves_no_lock(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path / 'numbers.db'}", 2)
    begun = asyncio.Event()

    async def write() -> None:
        async with engine.begin() as connection:
            begun.set()
            await connection.execute(MUCH)

    async with engine.begin() as connection:
        await connection.execute(sa.text("CREATE TABLE numbers (i INTEGER)"))
    writing = asyncio.create_task(write())
    await begun.wait()
    await asyncio.sleep(0.01)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError) as cancelled:
        await writing
    async with engine.begin() as connection:
        assert (await connection.execute(sa.text("SELECT count(*) FROM numbers"))).scalar() == 0
    # Its traceback knows the statement until now.
    assert cancelled.tb
    await close_engine(engine)
