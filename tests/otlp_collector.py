"""A real OTLP/HTTP receiver on loopback, for tests of what the services export."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """A real OTLP/HTTP receiver on loopback that keeps what it gets."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.log_requests: list[ExportLogsServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self._arrived = threading.Condition()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                known = self.path in ("/v1/traces", "/v1/logs")
                self.send_response(200 if known else 404)
                self.send_header("content-length", "0")
                self.end_headers()
                collector.take(self.path, body, {k.lower(): v for k, v in self.headers.items()})

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def take(self, path: str, body: bytes, headers: dict[str, str]) -> None:
        with self._arrived:
            said = json.loads(body, object_hook=with_ids_as_protobuf_has_them)
            if path == "/v1/logs":
                self.log_requests.append(json_format.ParseDict(said, ExportLogsServiceRequest()))
            else:
                self.requests.append(json_format.ParseDict(said, ExportTraceServiceRequest()))
                self.headers.append(headers)
            self._arrived.notify_all()

    def log(self, message: str) -> LogRecord:
        """The first log record with that body, once it came."""

        def found() -> list[LogRecord]:
            return [one for one in self.logs() if one.body.string_value == message]

        with self._arrived:
            assert self._arrived.wait_for(found, timeout=10), self.logs()
            return found()[0]

    def logs(self) -> list[LogRecord]:
        """The log records that came so far."""
        return [
            record
            for request in self.log_requests
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def spans(self, count: int) -> list[Span]:
        """The spans that came, once there are `count` of them."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self._spans()) >= count, timeout=10)
            return self._spans()

    def span(self, name: str, trace_id: str = "") -> Span:
        """The first span of that name, of the trace where one is given, once it came."""

        def found() -> list[Span]:
            named = [span for span in self._spans() if span.name == name]
            return [span for span in named if trace_id in ("", span.trace_id.hex())]

        with self._arrived:
            assert self._arrived.wait_for(found, timeout=10), [s.name for s in self._spans()]
            return found()[0]

    def span_by_id(self, span_id: bytes) -> Span:
        """The span of that id, once it came."""

        def found() -> list[Span]:
            return [span for span in self._spans() if span.span_id == span_id]

        with self._arrived:
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


def attributes(span: Span | LogRecord) -> dict[str, Any]:
    """The attributes of a span or a log record as plain values."""
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


def with_ids_as_protobuf_has_them(said: dict[str, Any]) -> dict[str, Any]:
    # OTLP writes ids in hexadecimal, where JSON made of protobuf has base64.
    for name in ("traceId", "spanId", "parentSpanId"):
        if name in said:
            said[name] = base64.b64encode(bytes.fromhex(said[name])).decode()
    return said
