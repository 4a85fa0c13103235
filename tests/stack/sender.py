"""Spans and log records by OTLP, sent with the SDK as a service sends them."""

import time
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, StatusCode, set_span_in_context
from opentelemetry.util.types import AttributeValue

SERVICE: Final = "backend-api"
_IDENTITY: Final = {
    "service.name": SERVICE,
    "service.version": "1.4.2",
    "service.instance.id": "one",
    "deployment.environment.name": "test",
}
# What Loki makes its labels of.
_LABELS: Final = {"service": SERVICE, "environment": "test"}
_SEVERITIES: Final = {"INFO": SeverityNumber.INFO, "ERROR": SeverityNumber.ERROR}


class Sender:
    """A service that is there to be heard of."""

    def __init__(self, otlp_url: str, service: str = SERVICE) -> None:
        identity = {**_IDENTITY, "service.name": service}
        self._spans = TracerProvider(resource=Resource(identity))
        self._spans.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(f"{otlp_url}/v1/traces"), max_queue_size=100_000)
        )
        self._tracer = self._spans.get_tracer("tests")
        self._logs = LoggerProvider(resource=Resource({**identity, **_LABELS, "service": service}))
        self._logs.add_log_record_processor(
            BatchLogRecordProcessor(OTLPLogExporter(f"{otlp_url}/v1/logs"), max_queue_size=100_000)
        )
        self._logger = self._logs.get_logger("tests")

    def span(
        self,
        name: str = "GET /api/v1/recommendations",
        attributes: Mapping[str, AttributeValue] | None = None,
        *,
        parent: Span | None = None,
        seconds: float = 0.01,
        failed: bool = False,
    ) -> Span:
        """A span that has just ended; a trace of its own where it has no parent."""
        end = time.time_ns()
        context = set_span_in_context(parent) if parent is not None else None
        span = self._tracer.start_span(
            name, context, attributes=attributes, start_time=end - int(seconds * 1e9)
        )
        if failed:
            span.set_status(StatusCode.ERROR)
        span.end(end)
        return span

    def event(self, name: str, attributes: Mapping[str, AttributeValue]) -> Span:
        """A span with one event."""
        span = self._tracer.start_span("GET /api/v1/events")
        span.add_event(name, attributes)
        span.end()
        return span

    def log(
        self,
        body: str,
        attributes: Mapping[str, Any] | None = None,
        *,
        level: str | None = "INFO",
        span: Span | None = None,
    ) -> None:
        """A log record, of a span where one is given."""
        record = LogRecord(
            timestamp=time.time_ns(),
            context=set_span_in_context(span) if span is not None else None,
            severity_number=_SEVERITIES.get(level or ""),
            severity_text=level,
            body=body,
            attributes={**(attributes or {}), **({"level": level} if level else {})},
        )
        self._logger.emit(record)

    def flush(self) -> None:
        """Send what waits, and wait until the collector has taken it."""
        assert self._spans.force_flush()
        assert self._logs.force_flush()

    def close(self) -> None:
        self._spans.shutdown()
        self._logs.shutdown()


def trace_id(span: Span) -> str:
    return f"{span.get_span_context().trace_id:032x}"
