"""Upkeep as spans, metrics and log lines."""

import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from backends.ports import FeaturesBegun, PortUnavailable
from data_pipeline.services.maintenance import JobReport
from instrumentation.metrics import Metrics
from instrumentation.tracing import Tracing

UPKEEP: Final = "data_pipeline_upkeep"

_LOG: Final = logging.getLogger("data_pipeline")


class MaintenanceTelemetry:
    """Observes the jobs of one service; each run is a trace of its own."""

    def __init__(self, metrics: Metrics, tracing: Tracing) -> None:
        self._metrics = metrics
        self._tracing = tracing

    def began(self) -> None:
        """This replica does the upkeep from now on."""
        self._metrics.set(UPKEEP, 1)
        _LOG.info("this replica does the upkeep", extra={"category": "infrastructure"})

    def ended(self) -> None:
        """Another replica does the upkeep, or will."""
        self._metrics.set(UPKEEP, 0)

    @contextmanager
    def run(self, name: str) -> Generator[Callable[[JobReport], None]]:
        """A span and the time of the run; a line where it did something.

        One that finds the features begun anew has not failed: replicas that start together do.
        """
        started = time.perf_counter()
        try:
            with self._tracing.span(name):
                yield lambda report: self._ran(name, report, time.perf_counter() - started)
        except FeaturesBegun:
            raise
        except Exception as error:
            reason = "store_unavailable" if isinstance(error, PortUnavailable) else "internal_error"
            self._metrics.inc("etl_job_failures_total", job_name=name, reason=reason)
            raise
        finally:
            seconds = time.perf_counter() - started
            self._metrics.observe("etl_job_duration_seconds", seconds, job_name=name)

    def _ran(self, name: str, report: JobReport, seconds: float) -> None:
        if "events" in report:
            self._metrics.inc(
                "etl_records_processed_total", report["events"], job_name=name, source="events"
            )
        if any(report.values()):
            fields = {"category": "infrastructure", "seconds": round(seconds, 3), **report}
            _LOG.info("%s has run", name, extra=fields)
