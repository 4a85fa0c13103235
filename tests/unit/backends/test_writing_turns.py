"""Writers of one process come to a SQLite database in turn, and none fails for the others."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

import backends.database
from backends.database import close_engine, open_engine, reading

pytestmark = pytest.mark.anyio

WRITERS = 12


@pytest.fixture
async def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[AsyncEngine]:
    # What SQLite itself waits for: longer than a turn here, shorter than those of all.
    monkeypatch.setattr(backends.database, "BUSY_TIMEOUT_MS", 400)
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path / 'turns.db'}", 20)
    async with engine.begin() as connection:
        await connection.execute(sa.text("CREATE TABLE written (writer INTEGER)"))
    yield engine
    await close_engine(engine)


async def write(engine: AsyncEngine, writer: int, seconds: float = 0.0) -> None:
    async with engine.begin() as connection:
        await connection.execute(sa.text("INSERT INTO written VALUES (:n)"), {"n": writer})
        await asyncio.sleep(seconds)


async def written(engine: AsyncEngine) -> list[int]:
    async with reading(engine).begin() as connection:
        query = sa.text("SELECT writer FROM written ORDER BY rowid")
        return list((await connection.execute(query)).scalars())


async def test_writers_come_in_the_order_in_which_they_asked(engine: AsyncEngine) -> None:
    # Each has a connection at once: to open one takes some longer than others.
    async with AsyncExitStack() as stack:
        for _ in range(WRITERS):
            await stack.enter_async_context(reading(engine).begin())
    async with asyncio.TaskGroup() as group:
        for writer in range(WRITERS):
            group.create_task(write(engine, writer, 0.02))
    assert await written(engine) == list(range(WRITERS))


async def test_a_turn_ends_with_a_failure_and_with_a_cancellation(engine: AsyncEngine) -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with engine.begin():
                _ = 1 / 0
        with anyio.move_on_after(0.01):
            await write(engine, 0, 10)
    with anyio.fail_after(5):
        await write(engine, 1)
    assert await written(engine) == [1]


async def test_a_reader_waits_for_no_turn(engine: AsyncEngine) -> None:
    async with engine.begin():
        with anyio.fail_after(5):
            assert await written(engine) == []


async def test_who_waits_too_long_fails_as_beside_another_process(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    async with engine.begin():
        with pytest.raises(OperationalError, match="locked"):
            await write(engine, 1)
    other = sqlite3.connect(tmp_path / "turns.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="locked"):
        await write(engine, 2)
    other.execute("ROLLBACK")
    other.close()
    await write(engine, 3)
    assert await written(engine) == [3]
