"""A PostgreSQL that is away is unavailable, and is used again as soon as it is back."""

import asyncio
import time
from collections.abc import AsyncGenerator

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.postgres_server import PostgresServer

from backends.availability import available
from backends.database import close_engine, open_engine, reading
from backends.ports import PortUnavailable
from backends.turns import take_turn

pytestmark = pytest.mark.anyio
ONE = sa.text("SELECT 1")


@pytest.fixture
async def engine(postgres: PostgresServer) -> AsyncGenerator[AsyncEngine]:
    engine = open_engine(postgres.url("postgres"), 3, command_seconds=0.2)
    yield engine
    await close_engine(engine)


async def ask(engine: AsyncEngine, statement: sa.Executable = ONE) -> None:
    with available("database"):
        async with engine.begin() as connection:
            await connection.execute(statement)


async def test_connections_that_a_crash_ended_are_made_anew_unnoticed(
    postgres: PostgresServer, engine: AsyncEngine
) -> None:
    await asyncio.gather(*(ask(engine) for _ in range(3)))
    await asyncio.to_thread(postgres.kill)
    try:
        for _ in range(3):
            with pytest.raises(PortUnavailable, match="the database is not available"):
                await ask(engine)
    finally:
        postgres.start()
        await asyncio.to_thread(postgres.wait_until_ready)
    await asyncio.gather(*(ask(engine) for _ in range(5)))


async def test_a_transaction_that_a_crash_cuts_off_is_unavailable(
    postgres: PostgresServer, engine: AsyncEngine
) -> None:
    async def cut_off() -> None:
        with available("database"):
            async with engine.begin() as connection:
                await connection.execute(ONE)
                await asyncio.to_thread(postgres.kill)
                await connection.execute(ONE)

    try:
        with pytest.raises(PortUnavailable):
            await cut_off()
    finally:
        postgres.start()
        await asyncio.to_thread(postgres.wait_until_ready)
    await ask(engine)


async def test_a_statement_that_takes_too_long_is_given_up(engine: AsyncEngine) -> None:
    began = time.monotonic()
    with pytest.raises(PortUnavailable, match="TimeoutError"):
        await ask(engine, sa.text("SELECT pg_sleep(30)"))
    assert time.monotonic() - began < 5
    await ask(engine)


async def test_a_wrong_password_or_name_is_told(postgres: PostgresServer) -> None:
    engine = open_engine(postgres.url("nowhere"), 1)
    with pytest.raises(PortUnavailable, match='database "nowhere" does not exist'):
        await ask(engine)
    await engine.dispose()


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("SELECT 1 FROM pg_class WHERE nothing", DBAPIError),
        ("SELECT 1 / 0", DBAPIError),
        ("INSERT INTO pg_am SELECT * FROM pg_am", (DBAPIError, IntegrityError)),
    ],
    ids=["syntax", "value", "constraint"],
)
async def test_a_fault_of_a_statement_is_no_unavailability(
    engine: AsyncEngine, statement: str, fault: type[Exception]
) -> None:
    with pytest.raises(fault):
        await ask(engine, sa.text(statement))


async def test_a_value_that_the_driver_refuses_is_no_unavailability(engine: AsyncEngine) -> None:
    wrong = sa.select(sa.cast(sa.bindparam("value", 2**70, sa.BigInteger), sa.BigInteger))
    with pytest.raises(DBAPIError):
        await ask(engine, wrong)


async def test_reading_cannot_write(engine: AsyncEngine) -> None:
    with pytest.raises(DBAPIError, match="read-only"):
        async with reading(engine).begin() as connection:
            await connection.execute(sa.text("CREATE TABLE written (a int)"))
    # The connection itself is as before.
    await ask(engine, sa.text("CREATE TEMPORARY TABLE written (a int)"))


async def test_a_turn_is_one_transactions(engine: AsyncEngine) -> None:
    order: list[str] = []
    has_turn = asyncio.Event()

    async def first() -> None:
        async with engine.begin() as connection:
            await take_turn(connection, "a place")
            has_turn.set()
            await asyncio.sleep(0.05)
            order.append("first")

    async def second() -> None:
        await has_turn.wait()
        async with engine.begin() as connection:
            await take_turn(connection, "another place")
            order.append("beside")
            await take_turn(connection, "a place")
            order.append("second")

    await asyncio.gather(first(), second())
    assert order == ["beside", "first", "second"]
