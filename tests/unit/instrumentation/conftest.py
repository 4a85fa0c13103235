import io
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.otlp_collector import Collector

from instrumentation.logs import configure_logging
from instrumentation.metrics import Metrics
from instrumentation.settings import ServiceSettings
from instrumentation.tracing import Tracing, start_tracing


class Settings(ServiceSettings):
    service_name: str = "backend-api"


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("backend-api")


@pytest.fixture
def tracing(settings: Settings) -> Tracing:
    """Tracing without a collector."""
    return start_tracing(settings)


@pytest.fixture
def exporting(collector: Collector) -> Iterator[Tracing]:
    """Tracing that exports to `collector`; close it to have the spans at once."""
    tracing = start_tracing(
        Settings(otlp_endpoint=collector.url, otlp_headers="x-team=zeta", environment="test")
    )
    yield tracing
    tracing.close()


@pytest.fixture
def log_lines() -> Iterator[Callable[..., io.StringIO]]:
    """Configures logging to a string until the test ends."""
    configured = []

    def start(**settings: Any) -> io.StringIO:
        stream = io.StringIO()
        configured.append(configure_logging(Settings(log_format="json", **settings), stream))
        return stream

    uvicorn = [logging.getLogger(n) for n in ("uvicorn", "uvicorn.error", "uvicorn.access")]
    before = [(logger, logger.handlers[:], logger.disabled) for logger in uvicorn]
    yield start
    for one in reversed(configured):
        one.restore()
    for logger, handlers, disabled in before:
        logger.handlers[:] = handlers
        logger.disabled = disabled
