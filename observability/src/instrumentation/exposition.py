"""`/metrics`: the registry in the Prometheus text format, or OpenMetrics with exemplars."""

from collections.abc import Awaitable, Callable

from prometheus_client.exposition import choose_encoder
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from instrumentation.metrics import Metrics


class MetricsEndpoint:
    """An ASGI application, so that a route takes it as it is."""

    def __init__(self, metrics: Metrics, after: Callable[[], Awaitable[None]]) -> None:
        self._metrics = metrics
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the format the Accept header asks for."""
        accept = Headers(scope=scope).get("accept", "")
        encode, content_type = choose_encoder(accept)
        # In a thread: rendering thousands of series must not hold up requests being served.
        body = await run_in_threadpool(encode, self._metrics.registry)
        response = Response(body, headers={"content-type": content_type})
        await response(scope, receive, send)
        await self._after()


async def _nothing() -> None:
    pass


def metrics_endpoint(metrics: Metrics, after: Callable[[], Awaitable[None]] = _nothing) -> ASGIApp:
    """The application behind `Route("/metrics", metrics_endpoint(metrics))`.

    `after` runs once the answer is out, to measure for the next scrape what takes its time.
    """
    return GZipMiddleware(MetricsEndpoint(metrics, after))
