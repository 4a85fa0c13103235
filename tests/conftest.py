"""What all suites share."""

import logging
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings
from tests import postgres_server
from tests.databases import new_database, start_migrated, taken_as_migrated
from tests.migrated_databases import remembering
from tests.otlp_collector import Collector
from tests.postgres_server import PostgresServer
from tests.redis_server import RedisServer

from backends import migrations

# How long an example takes tells nothing on a busy machine.
settings.register_profile("tests", settings(), deadline=None)
settings.load_profile("tests")


@pytest.fixture
def anyio_backend() -> str:
    """The services run on asyncio; so do their tests."""
    return "asyncio"


@pytest.fixture
def collector() -> Generator[Collector]:
    """A collector that keeps what the services export to it."""
    receiver = Collector()
    yield receiver
    receiver.close()


@pytest.fixture(scope="session", autouse=True)
def _migrations_run_once() -> Generator[None]:
    with pytest.MonkeyPatch.context() as patch:
        migrate = remembering(taken_as_migrated(migrations._migrate))
        patch.setattr(migrations, "_migrate", migrate)
        yield


@pytest.fixture(scope="session")
def postgres() -> Generator[PostgresServer]:
    """A PostgreSQL with a migrated database, for all tests of this process."""
    if not postgres_server.is_here():
        pytest.skip(postgres_server.NEEDS)
    server = PostgresServer()
    try:
        start_migrated(server)
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def _redis(tmp_path_factory: pytest.TempPathFactory) -> Generator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start_at_once()
    yield server
    server.kill()


@pytest.fixture
def shared_redis(_redis: RedisServer) -> RedisServer:
    """A Redis for all tests of this process, empty for each; none may end it."""
    _redis.empty()
    return _redis


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    """An empty database of each kind: its DATABASE_URL."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'database.db'}"
        return
    with new_database(request.getfixturevalue("postgres")) as url:
        yield url


@pytest.fixture(autouse=True)
def _root_logger_as_it_was() -> Generator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the figures that slow tests print, in whichever process they ran."""
    for report in terminalreporter.getreports("passed"):
        if report.when == "call" and "slow" in report.keywords and report.capstdout:
            terminalreporter.section(report.nodeid, sep="-")
            terminalreporter.write_line(report.capstdout.strip())
