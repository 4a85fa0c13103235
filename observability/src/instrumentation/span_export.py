"""Spans on their way to an OTLP/HTTP collector or a Jaeger agent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opentelemetry.trace import Tracer

from instrumentation.export import Collector, Export, resource_of
from instrumentation.metrics import Metrics
from instrumentation.otlp import encode_spans
from instrumentation.settings import ServiceSettings
from instrumentation.spans import RecordedSpan, RecordingTracer


@dataclass(frozen=True, slots=True)
class SpanExport:
    """A tracer whose spans go out, and how to end that."""

    tracer: Tracer
    close: Callable[[], None]


def open_span_export(settings: ServiceSettings, metrics: Metrics | None = None) -> SpanExport:
    """Spans to where `settings.traces_exporter` says; a request never waits, a full queue drops."""
    export = Export("traces", _delivery(settings), metrics)
    return SpanExport(RecordingTracer(settings.trace_sample_rate, export.add), export.close)


def _delivery(settings: ServiceSettings) -> Callable[[Sequence[RecordedSpan]], None]:
    resource, version = resource_of(settings), settings.service_version
    if settings.traces_exporter == "jaeger":
        # The exporter is an extra, and retired: nobody else pays for it.
        from instrumentation.jaeger import JaegerAgent  # noqa: PLC0415

        agent = JaegerAgent(settings.jaeger_agent_host, settings.jaeger_agent_port, resource)
        return agent.take
    collector = Collector(settings, "traces")
    return lambda spans: collector.take(encode_spans(resource, version, spans))
