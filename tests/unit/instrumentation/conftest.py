import gzip
import io
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from instrumentation.logs import configure_logging
from instrumentation.metrics import Metrics
from instrumentation.settings import ServiceSettings
from instrumentation.tracing import Tracing, start_tracing


class Settings(ServiceSettings):
    service_name: str = "backend-api"


class Collector:
    """A real OTLP/HTTP receiver on loopback that keeps what it gets."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self._arrived = threading.Condition()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.send_header("content-length", "0")
                self.end_headers()
                collector.take(body, {k.lower(): v for k, v in self.headers.items()})

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def take(self, body: bytes, headers: dict[str, str]) -> None:
        with self._arrived:
            self.requests.append(ExportTraceServiceRequest.FromString(body))
            self.headers.append(headers)
            self._arrived.notify_all()

    def spans(self, count: int) -> list[Span]:
        """The spans that came, once there are `count` of them."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self._spans()) >= count, timeout=10)
            return self._spans()

    def span(self, name: str) -> Span:
        with self._arrived:
            found = lambda: [s for s in self._spans() if s.name == name]  # noqa: E731
            assert self._arrived.wait_for(found, timeout=10), [s.name for s in self._spans()]
            return found()[0]

    def resource(self) -> dict[str, str]:
        resource = self.requests[0].resource_spans[0].resource
        return {a.key: a.value.string_value for a in resource.attributes}

    def _spans(self) -> list[Span]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def attributes(span: Span) -> dict[str, Any]:
    """A span's attributes as plain values."""
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


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
def collector() -> Iterator[Collector]:
    receiver = Collector()
    yield receiver
    receiver.close()


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
