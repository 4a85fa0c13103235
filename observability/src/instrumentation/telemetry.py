"""Everything a service's bootstrap needs of this package, started in one call."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import BaseRoute, Route

from instrumentation.exposition import metrics_endpoint
from instrumentation.health import Health, HealthCheck
from instrumentation.logs import configure_logging
from instrumentation.metrics import Metrics
from instrumentation.settings import ServiceSettings
from instrumentation.tracing import Tracing, start_tracing


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The metrics and traces of one service; logging is configured for the whole process."""

    settings: ServiceSettings
    metrics: Metrics
    tracing: Tracing

    def routes(self, checks: Sequence[HealthCheck]) -> list[BaseRoute]:
        """The routes of the operator: /metrics, /health and those below it.

        The checks run after each scrape as well, so that the next one shows them.
        """
        health = Health(self.settings, checks, time.monotonic(), self.metrics)
        metrics = metrics_endpoint(self.metrics, after=health.observe)
        return [*health.routes(), Route("/metrics", metrics)]

    def close(self) -> None:
        """Send the spans that wait; call it last, for 2.5 seconds at most."""
        self.tracing.close()


def start_telemetry(settings: ServiceSettings, service: str | None = None) -> Telemetry:
    """Configure logging, build the metrics, start tracing.

    `service` is the name the catalogue knows, `settings.service_name` by default; give it where
    a deployment renames the service. Raises `ValueError` for a name the catalogue lacks.
    """
    metrics = Metrics(
        service or settings.service_name,
        version=settings.service_version,
        environment=settings.environment,
    )
    configure_logging(settings)
    return Telemetry(settings, metrics, start_tracing(settings))
