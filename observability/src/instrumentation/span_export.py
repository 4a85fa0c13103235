"""Spans in batches to an OTLP/HTTP collector or a Jaeger agent, from another thread."""

from dataclasses import dataclass

from opentelemetry.exporter.otlp.proto.http import trace_exporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Tracer

from instrumentation.export import (
    BATCH_DELAY_MILLISECONDS,
    EXPORT_TIMEOUT_SECONDS,
    QUEUE_LOGGER,
    QUEUE_SIZE,
    Closing,
    CountingExporter,
    ExportBook,
    resource_of,
    signal_url,
)
from instrumentation.metrics import Metrics
from instrumentation.settings import ServiceSettings, parse_headers


@dataclass(frozen=True, slots=True)
class SpanExport:
    """A tracer whose spans go out, and the means to end it."""

    tracer: Tracer
    closing: Closing


def open_span_export(settings: ServiceSettings, metrics: Metrics | None = None) -> SpanExport:
    """Spans to where `settings.traces_exporter` says; a request never waits, a full queue drops."""
    book = ExportBook("traces", metrics)
    exporter = _CountingExporter(_exporter(settings), SpanExportResult.SUCCESS, book)
    provider = TracerProvider(
        resource=resource_of(settings),
        sampler=ParentBased(TraceIdRatioBased(settings.trace_sample_rate)),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(_CountingProcessor(exporter, book))
    tracer = provider.get_tracer("instrumentation", settings.service_version)
    closing = Closing(provider.shutdown, exporter.shutdown, trace_exporter.__name__, QUEUE_LOGGER)
    return SpanExport(tracer, closing)


def _exporter(settings: ServiceSettings) -> SpanExporter:
    if settings.traces_exporter == "jaeger":
        # The exporter is an extra, and retired: nobody else pays for it.
        from instrumentation.jaeger import open_jaeger_exporter  # noqa: PLC0415

        return open_jaeger_exporter(settings.jaeger_agent_host, settings.jaeger_agent_port)
    return OTLPSpanExporter(
        endpoint=signal_url(settings, "traces"),
        headers=parse_headers(settings.otlp_headers.get_secret_value()),
        timeout=EXPORT_TIMEOUT_SECONDS,
    )


class _CountingProcessor(BatchSpanProcessor):
    """Counts what goes into the queue."""

    def __init__(self, exporter: SpanExporter, book: ExportBook) -> None:
        super().__init__(
            exporter,
            max_queue_size=QUEUE_SIZE,
            schedule_delay_millis=BATCH_DELAY_MILLISECONDS,
        )
        self._book = book

    def on_end(self, span: ReadableSpan) -> None:
        context = span.get_span_context()
        if context is not None and context.trace_flags.sampled:
            self._book.added()
        super().on_end(span)


class _CountingExporter(  # pyright: ignore[reportIncompatibleMethodOverride]
    CountingExporter[ReadableSpan, SpanExportResult], SpanExporter
):
    """As the SDK's processor of spans takes it."""
