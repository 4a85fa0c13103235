"""What all suites share."""

import logging
from collections.abc import Generator

import pytest
from hypothesis import settings
from tests.migrated_databases import remembering
from tests.otlp_collector import Collector

from backends import database

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
        patch.setattr(database, "_upgrade", remembering(database._upgrade))
        yield


@pytest.fixture(autouse=True)
def _root_logger_as_it_was() -> Generator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
