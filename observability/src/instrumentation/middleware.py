"""The one ASGI middleware: spans, metrics, context, access log and the last word on errors."""

import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import SpanKind
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from instrumentation import context
from instrumentation.current_span import enter, leave
from instrumentation.errors import count_error, record_exception
from instrumentation.exchange import CLIENT_GONE, Exchange
from instrumentation.http_attributes import RequestHead, failure_body, request_attributes
from instrumentation.http_series import HttpSeries
from instrumentation.metrics import Metrics
from instrumentation.propagation import extract_pair
from instrumentation.rates import Rates
from instrumentation.routing import RouteTable
from instrumentation.tracing import Tracing

_METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "QUERY"}
)
OTHER_METHOD: Final = "OTHER"
_logger = logging.getLogger(__name__)


class TelemetryMiddleware:
    """Wraps an application; add it last, so that it is the outermost of FastAPI's middleware.

    `app.add_middleware(TelemetryMiddleware, metrics=..., tracing=..., service=...,
    routes=app.routes)` puts it inside of Starlette's own error middleware, which then never
    sees an exception. The routes are read when the application starts.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        tracing: Tracing,
        service: str,
        routes: Iterable[BaseRoute],
        rates: Rates | None = None,
    ) -> None:
        self._app = app
        self._rates = rates
        self._metrics = metrics
        self._tracing = tracing
        self._service = service
        self._table = RouteTable(routes)
        self._series = HttpSeries(metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; websockets and the lifespan pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._rates is not None:
            self._rates.tick()
        exchange = self._begin(scope, receive, send)
        span_token = enter(exchange.span)
        context_token = context.bind(exchange.context)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            exchange.status = CLIENT_GONE
        except Exception as error:
            await self._fail(exchange, error)
        except BaseException:
            exchange.status = exchange.status or CLIENT_GONE
            raise
        finally:
            exchange.finish()
            context.reset(context_token)
            leave(span_token)

    def _begin(self, scope: Scope, receive: Receive, send: Send) -> Exchange:
        head = RequestHead(scope["headers"])
        known = scope["method"]
        method = known if known in _METHODS else OTHER_METHOD
        route = self._table.resolve(scope["path"], known, scope.get("root_path", ""))
        series = self._series.of(method, route.template)
        parent = Context()
        if head.traceparent:
            parent = extract_pair(head.traceparent, head.tracestate)
        # Probes and scrapes would bury the traces that matter.
        tracer = self._tracing.silent if series.quiet else self._tracing.tracer
        span = tracer.start_span(
            series.span_name,
            context=parent,
            kind=SpanKind.SERVER,
            attributes=(
                request_attributes(scope, head, route)
                if self._tracing.exporting and not series.quiet
                else None
            ),
        )
        # Authentication writes the tenant here; the dict must be there to be shared.
        scope.setdefault("state", {})
        exchange = Exchange(scope, receive, send, span=span, series=series, route=route)
        exchange.begin(head)
        return exchange

    async def _fail(self, exchange: Exchange, error: Exception) -> None:
        count_error(self._metrics, error)
        record_exception(exchange.span, error)
        _logger.error(
            "unhandled %s in %s %s",
            type(error).__name__,
            exchange.series.method,
            exchange.series.endpoint,
            exc_info=error,
        )
        if exchange.status is not None:
            # Half an answer is out: leaving it incomplete makes the server cut the connection.
            exchange.broken = True
            return
        body = failure_body(self._service, exchange.trace_id)
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
        ]
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value
        await exchange.send({"type": "http.response.start", "status": status, "headers": headers})
        await exchange.send({"type": "http.response.body", "body": body})
