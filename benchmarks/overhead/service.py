"""A service with parts of its telemetry cut out: `-m benchmarks.overhead.service NAME PART...`.

Spans and logs have settings; metrics and the middleware have none, since nobody should run
without them, so they are taken out of the code here.
"""

import runpy
import sys
from collections.abc import Callable
from typing import Any, Final

from prometheus_client import Counter, Gauge
from starlette.types import Receive, Scope, Send

from instrumentation.histogram import TracedHistogram
from instrumentation.metrics import Metrics
from instrumentation.middleware import TelemetryMiddleware

METRICS: Final = "metrics"
MIDDLEWARE: Final = "middleware"


def _nothing(*_: Any, **__: Any) -> None:
    """What a metric does that is not there."""


def without_metrics() -> None:
    """No counter, gauge or histogram is written."""
    for family, method in (
        (Counter, "inc"),
        (Gauge, "inc"),
        (Gauge, "dec"),
        (Gauge, "set"),
        (TracedHistogram, "observe"),
        (TracedHistogram, "observe_within"),
        (Metrics, "inc"),
        (Metrics, "set"),
        (Metrics, "observe"),
    ):
        setattr(family, method, _nothing)


def without_middleware() -> None:
    """Requests go straight to the application."""

    async def call(self: TelemetryMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})
        await self._app(scope, receive, send)  # pyright: ignore[reportPrivateUsage]

    TelemetryMiddleware.__call__ = call


PARTS: Final[dict[str, Callable[[], None]]] = {
    METRICS: without_metrics,
    MIDDLEWARE: without_middleware,
}


def main() -> None:
    """Cut out what the arguments name, then start the service."""
    service, *parts = sys.argv[1:]
    for part in parts:
        PARTS[part]()
    sys.argv = [service]
    runpy.run_module(f"{service.replace('-', '_')}.main", run_name="__main__")


if __name__ == "__main__":
    main()
