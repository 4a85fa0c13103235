"""What watches retrieval beside the requests goes on, and says what went wrong."""

import asyncio
import logging

import pytest

from instrumentation.metrics import Metrics
from ml_engine.adapters import retrieval_telemetry
from ml_engine.adapters.retrieval_telemetry import RetrievalTelemetry

pytestmark = pytest.mark.anyio


class FailsOnce:
    """Stands for freshness: the first look fails, the second succeeds."""

    age_seconds = 0.0

    def __init__(self) -> None:
        self.looks = 0
        self.looked_again = asyncio.Event()

    async def look(self) -> None:
        self.looks += 1
        if self.looks == 1:
            raise ValueError("no such version")
        self.looked_again.set()


async def test_a_look_that_fails_is_counted_told_and_made_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval_telemetry, "LOOK_SECONDS", 0.0)
    freshness, metrics = FailsOnce(), Metrics("ml-engine")
    telemetry = RetrievalTelemetry(metrics, freshness, None)
    watching = asyncio.create_task(telemetry.watch_vectors())
    async with asyncio.timeout(30):
        await freshness.looked_again.wait()
    watching.cancel()

    labels = {"error_type": "ValueError"}
    assert metrics.registry.get_sample_value("errors_total", labels) == 1
    (line,) = caplog.records
    assert line.levelno == logging.ERROR
    assert line.exc_info is not None
    assert "tried again" in line.getMessage()
