"""The SDK's export pipeline: spans in batches to an OTLP/HTTP collector, from another thread."""

import logging
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Final

from opentelemetry.exporter.otlp.proto.http import trace_exporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Tracer

from instrumentation.settings import ServiceSettings, parse_headers

_EXPORT_TIMEOUT_SECONDS: Final = 5.0
_CLOSE_TIMEOUT_SECONDS: Final = 2.0
_ABORT_TIMEOUT_SECONDS: Final = 0.5
_BATCH_DELAY_MILLISECONDS: Final = 1000.0
_QUIET_SECONDS: Final = 60.0
_EXPORT_LOGGERS: Final = (trace_exporter.__name__, "opentelemetry.sdk._shared_internal")


class OncePerMinute(logging.Filter):
    """Lets one record pass per minute: a collector that is away must not fill the log."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a minute has passed since the last record."""
        if record.levelno < logging.WARNING:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._next:
                return False
            self._next = now + _QUIET_SECONDS
            return True


@dataclass(frozen=True, slots=True)
class ExportPipeline:
    """A tracer whose spans go out, and the means to end it."""

    tracer: Tracer
    _provider: TracerProvider
    _exporter: OTLPSpanExporter
    _filter: OncePerMinute
    _closed: threading.Event = field(default_factory=threading.Event)

    def close(self) -> None:
        """Send what is queued; give up after 2.5 seconds where the collector is away."""
        if self._closed.is_set():
            return
        self._closed.set()
        # The SDK itself would wait for 30 s, so the wait is done beside it.
        worker = threading.Thread(target=self._provider.shutdown, daemon=True)
        worker.start()
        worker.join(_CLOSE_TIMEOUT_SECONDS)
        if worker.is_alive():
            self._exporter.shutdown()
            worker.join(_ABORT_TIMEOUT_SECONDS)
        if worker.is_alive():
            return  # it may still complain of the absent collector: the filter stays
        for name in _EXPORT_LOGGERS:
            logging.getLogger(name).removeFilter(self._filter)


def open_exporter(settings: ServiceSettings) -> ExportPipeline:
    """A pipeline to `settings.otlp_endpoint`; a request never waits for it, a full queue drops."""
    exporter = OTLPSpanExporter(
        endpoint=f"{str(settings.otlp_endpoint).rstrip('/')}/v1/traces",
        headers=parse_headers(settings.otlp_headers.get_secret_value()),
        timeout=_EXPORT_TIMEOUT_SECONDS,
    )
    provider = TracerProvider(
        resource=_resource(settings),
        sampler=ParentBased(TraceIdRatioBased(settings.trace_sample_rate)),
        shutdown_on_exit=False,
    )
    processor = BatchSpanProcessor(exporter, schedule_delay_millis=_BATCH_DELAY_MILLISECONDS)
    provider.add_span_processor(processor)
    quiet = OncePerMinute()
    for name in _EXPORT_LOGGERS:
        logging.getLogger(name).addFilter(quiet)
    tracer = provider.get_tracer("instrumentation", settings.service_version)
    return ExportPipeline(tracer, provider, exporter, quiet)


def _resource(settings: ServiceSettings) -> Resource:
    return Resource.create(
        {
            "service.name": settings.service_name,
            "service.version": settings.service_version,
            "service.instance.id": str(uuid.uuid4()),
            "deployment.environment.name": settings.environment,
        }
    )
