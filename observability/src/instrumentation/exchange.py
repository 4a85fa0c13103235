"""One request and its answer on their way through the middleware."""

import logging
import os
import time
from typing import Any, Final

from opentelemetry.trace import Span, StatusCode
from starlette.types import Message, Receive, Scope, Send

from instrumentation.context import RequestContext
from instrumentation.http_attributes import RequestHead
from instrumentation.http_series import EndpointSeries
from instrumentation.routing import RouteMatch

CLIENT_GONE: Final = 499
_SERVER_ERROR: Final = 500
NO_TENANT: Final = "none"
_access = logging.getLogger("access")


class Exchange:
    """Counts, measures and labels one request; `finish` runs before the last byte goes out.

    So whoever has the answer finds it in the metrics, and background tasks count for nothing.
    """

    __slots__ = (
        "_finished",
        "_headers",
        "_identity",
        "_receive",
        "_request_bytes",
        "_response_bytes",
        "_route",
        "_scope",
        "_send",
        "_started",
        "broken",
        "context",
        "receive",
        "series",
        "span",
        "status",
        "trace_id",
    )

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        span: Span,
        series: EndpointSeries,
        route: RouteMatch,
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._route = route
        self._finished = False
        self._request_bytes = 0
        self._response_bytes = 0
        self.span = span
        self.series = series
        self.status: int | None = None
        self.broken = False
        self.receive = receive
        identity = self._identity = span.get_span_context()
        self.trace_id = f"{identity.trace_id:032x}"
        span_id = f"{identity.span_id:016x}"
        self._headers = [
            (b"x-trace-id", self.trace_id.encode()),
            (b"x-span-id", span_id.encode()),
        ]
        self.context = RequestContext(endpoint=series.endpoint)
        self._started = time.perf_counter()

    def begin(self, head: RequestHead) -> None:
        """Take what the head says and count the request as in progress."""
        request_id = head.request_id or os.urandom(16).hex()
        self.context.request_id = request_id
        self._headers.append((b"x-request-id", request_id.encode()))
        announced = head.content_length
        if announced is not None:
            self._request_bytes = announced
        elif self._scope["method"] not in ("GET", "HEAD", "DELETE"):
            self.receive = self._receive_counted
        self.series.in_progress += 1

    async def send(self, message: Message) -> None:
        """Pass a message of the answer on, with the ids among its headers."""
        kind = message["type"]
        if kind == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._headers]
        elif kind == "http.response.body":
            self._response_bytes += len(message.get("body", b""))
            if not message.get("more_body", False):
                self.finish()
        await self._send(message)

    def finish(self) -> None:
        """Record the request, once."""
        if self._finished:
            return
        self._finished = True
        seconds = time.perf_counter() - self._started
        # No answer at all, or half of one, is what the caller sees as a server error.
        status = _SERVER_ERROR if self.broken or self.status is None else self.status
        tenant = self._scope["state"].get("tenant_id") or self.context.tenant_id
        self.context.tenant_id = tenant
        series = self.series
        series.in_progress -= 1
        series.duration.observe_within(seconds, self._identity)
        series.request_size.observe(self._request_bytes)
        series.response_size.observe(self._response_bytes)
        series.count(status, tenant or NO_TENANT)
        self._log(status, seconds)
        self._end_span(status, tenant)

    def _log(self, status: int, seconds: float) -> None:
        level = logging.DEBUG if self.series.quiet else logging.INFO
        if not _access.isEnabledFor(level):
            return
        path = self._route.safe_path(self._scope["path"])
        fields: dict[str, Any] = {
            "category": "performance",
            "method": self.series.method,
            "path": path,
            "status": status,
            "latency_ms": round(seconds * 1000, 3),
        }
        _access.log(level, "%s %s %d", self.series.method, path, status, extra=fields)

    def _end_span(self, status: int, tenant: str | None) -> None:
        span = self.span
        if span.is_recording():
            span.set_attribute("http.response.status_code", status)
            if tenant:
                span.set_attribute("tenant.id", tenant)
            if self.context.user_hash:
                span.set_attribute("user.hash", self.context.user_hash)
            if status >= _SERVER_ERROR:
                span.set_status(StatusCode.ERROR)
        span.end()

    async def _receive_counted(self) -> Message:
        message = await self._receive()
        self._request_bytes += len(message.get("body", b""))
        return message
