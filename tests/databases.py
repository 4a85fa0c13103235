"""Databases of either kind for tests, each with the schema of all services as migrated."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from sqlalchemy import Connection
from tests.postgres_server import PostgresServer

import backend_api.bootstrap
import data_pipeline.bootstrap
import ml_engine.bootstrap
from backends.database import close_engine, open_engine
from backends.migrations import HEAD, Migrated, migrate

MIGRATIONS: Final = (
    backend_api.bootstrap.MIGRATIONS,
    data_pipeline.bootstrap.MIGRATIONS,
    ml_engine.bootstrap.MIGRATIONS,
)
MIGRATED: Final = "migrated"

_names: Final = count(1)
Migrate = Callable[[Connection, Path, str], Migrated]


def start_migrated(server: PostgresServer) -> None:
    """Start a server, with a database that others are made from."""
    server.start()
    server.wait_until_ready()
    server.execute(f"CREATE DATABASE {MIGRATED}")
    asyncio.run(_migrate(server.url(MIGRATED)))


@contextmanager
def new_database(server: PostgresServer, template: str = MIGRATED) -> Generator[str]:
    """A database as the migrations leave it, or as another template is: its URL."""
    name = f"{template}_{next(_names)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield server.url(name)
    finally:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def taken_as_migrated(really: Migrate) -> Migrate:
    """The same, but for a database that was made from the migrated one."""

    def migrated(connection: Connection, migrations: Path, target: str) -> Migrated:
        if target == HEAD and (connection.engine.url.database or "").startswith(f"{MIGRATED}_"):
            return Migrated(None, None)
        return really(connection, migrations, target)

    return migrated


async def _migrate(url: str) -> None:
    engine = open_engine(url, 1)
    for migrations in MIGRATIONS:
        await migrate(engine, migrations)
    await close_engine(engine)
