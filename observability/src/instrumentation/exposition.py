"""`/metrics`: the registry in the Prometheus text format, or OpenMetrics with exemplars."""

from collections.abc import Awaitable, Callable
from typing import Final

from prometheus_client import exposition as plain
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics import exposition as openmetrics
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from instrumentation.encoder import Encoder
from instrumentation.metrics import Metrics

# The text is 25 times smaller at the lowest level, and 30 at the highest, for ten times the work.
_GZIP_LEVEL: Final = 1


class MetricsEndpoint:
    """An ASGI application, so that a route takes it as it is."""

    def __init__(self, metrics: Metrics, after: Callable[[], Awaitable[None]]) -> None:
        self._metrics = metrics
        self._after = after
        self._text = Encoder(plain.generate_latest, exemplars=False)
        self._openmetrics = Encoder(openmetrics.generate_latest, exemplars=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the format the Accept header asks for."""
        _, content_type = choose_encoder(Headers(scope=scope).get("accept", ""))
        # No name of ours needs escaping, so that all versions and escapings of a format are one.
        if content_type.startswith("application/openmetrics-text"):
            encode, content_type = self._openmetrics, openmetrics.CONTENT_TYPE_LATEST
        else:
            encode, content_type = self._text, plain.CONTENT_TYPE_PLAIN_0_0_4
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
    return GZipMiddleware(MetricsEndpoint(metrics, after), compresslevel=_GZIP_LEVEL)
