"""What every store in a database has: a ping that reads its table, and an end."""

from collections.abc import AsyncGenerator

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from backends.database import close_engine, open_engine
from backends.ports import PortUnavailable
from backends.sql_store import SqlStore

pytestmark = pytest.mark.anyio
metadata = sa.MetaData()
shelves = sa.Table("shelves", metadata, sa.Column("shelf_id", sa.Text, primary_key=True))


class Shelves(SqlStore):
    what = "list of shelves"
    table = shelves


@pytest.fixture
async def engine(database_url: str) -> AsyncGenerator[AsyncEngine]:
    engine = open_engine(database_url, 1)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield engine
    await close_engine(engine)


@pytest.mark.parametrize("rows", [0, 1, 2])
async def test_a_ping_reads_the_table_however_many_rows_it_has(
    engine: AsyncEngine, rows: int
) -> None:
    async with engine.begin() as connection:
        for number in range(rows):
            await connection.execute(shelves.insert(), {"shelf_id": str(number)})
    await Shelves(engine).ping()


async def test_a_ping_says_what_is_not_available(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(metadata.drop_all)
    with pytest.raises(
        PortUnavailable, match=r"the list of shelves is not available: .*(no such table|not exist)"
    ):
        await Shelves(engine).ping()


async def test_a_ping_does_not_wait_for_a_writer(engine: AsyncEngine) -> None:
    other = open_engine(str(engine.url), 1)
    async with engine.begin() as connection:
        await connection.execute(shelves.insert(), {"shelf_id": "unwritten"})
        await Shelves(other).ping()
    await close_engine(other)


async def test_a_closed_store_has_no_connection_left(engine: AsyncEngine) -> None:
    store = Shelves(engine)
    await store.ping()
    assert engine.pool.status().startswith("Pool size: 1  Connections in pool: 1")
    await store.close()
    assert engine.pool.status().startswith("Pool size: 1  Connections in pool: 0")
