"""What the suites of stores over a database share."""

from collections.abc import AsyncGenerator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.databases import MIGRATIONS

from backends.database import close_engine, open_engine
from backends.migrations import migrate


@pytest.fixture
async def engine(database_url: str) -> AsyncGenerator[AsyncEngine]:
    """A way to a database of its own, with the schema of all services."""
    engine = open_engine(database_url, pool_size=5)
    for migrations in MIGRATIONS:
        await migrate(engine, migrations)
    yield engine
    await close_engine(engine)


@pytest.fixture
async def other_engine(database_url: str, engine: AsyncEngine) -> AsyncGenerator[AsyncEngine]:
    """Another replica's way to the same database."""
    other = open_engine(database_url, pool_size=5)
    yield other
    await close_engine(other)
