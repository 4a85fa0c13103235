"""Everything a service's bootstrap needs of this package, started in one call."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TextIO

from starlette.routing import BaseRoute, Route

from instrumentation.exposition import metrics_endpoint
from instrumentation.health import Health, HealthCheck
from instrumentation.log_export import open_log_export
from instrumentation.logs import configure_logging
from instrumentation.metrics import Metrics
from instrumentation.rates import Rates
from instrumentation.sentry import open_sentry
from instrumentation.settings import ServiceSettings
from instrumentation.tracing import Tracing, start_tracing


@dataclass(frozen=True, slots=True)
class Exports:
    """What leaves the process beside its metrics: logs, traces and errors."""

    tracing: Tracing
    _closing: ExitStack

    def close(self) -> None:
        """Send what waits: 2.5 seconds at most for each of logs, spans and errors."""
        self._closing.close()


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The metrics and traces of one service; logging is configured for the whole process."""

    settings: ServiceSettings
    metrics: Metrics
    exports: Exports

    @property
    def tracing(self) -> Tracing:
        """The service's tracer."""
        return self.exports.tracing

    def routes(self, checks: Sequence[HealthCheck], rates: Rates | None = None) -> list[BaseRoute]:
        """The routes of the operator: /metrics, /health and those below it.

        The checks run after each scrape as well, so that the next one shows them. `rates` are
        what /health/deep tells of how busy the process is.
        """
        health = Health(self.settings, checks, time.monotonic(), self.metrics, rates)
        metrics = metrics_endpoint(self.metrics, after=health.observe)
        return [*health.routes(), Route("/metrics", metrics)]

    def close(self) -> None:
        """Send what waits; call it last."""
        self.exports.close()


def start_telemetry(settings: ServiceSettings, service: str | None = None) -> Telemetry:
    """Configure logging, build the metrics, start tracing.

    `service` is the name the catalogue knows, `settings.service_name` by default; give it where
    a deployment renames the service. Raises `ValueError` for a name the catalogue lacks.
    """
    metrics = Metrics(
        service or settings.service_name,
        version=settings.service_version,
        environment=settings.environment,
        tenant_limit=settings.metrics_tenant_limit,
    )
    return Telemetry(settings, metrics, start_exports(settings, metrics))


def start_exports(
    settings: ServiceSettings, metrics: Metrics | None = None, stream: TextIO | None = None
) -> Exports:
    """Configure logging to `stream` (stdout) and start what the settings ask for beside it.

    Enough for a process that nobody scrapes; else `metrics` count what is exported and lost.
    """
    configure_logging(settings, stream)
    closing = ExitStack()
    for export in (open_sentry(settings), open_log_export(settings, metrics)):
        if export is not None:
            closing.callback(export.close)
    tracing = start_tracing(settings, metrics)
    closing.callback(tracing.close)
    return Exports(tracing, closing)
