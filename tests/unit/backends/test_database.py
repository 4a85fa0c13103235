"""Closing an engine waits for the connections in use."""

import asyncio

import pytest
import sqlalchemy as sa

from backends.database import close_engine, open_engine

pytestmark = pytest.mark.anyio


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
