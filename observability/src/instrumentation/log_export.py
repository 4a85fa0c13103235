"""Log records in batches to an OTLP/HTTP collector, from another thread.

What goes out is what the JSON line holds, redacted by the same code, never the record itself.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import _log_exporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LogRecordLimits, ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    LogRecordExporter,
    LogRecordExportResult,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

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
from instrumentation.log_fields import redacted_fields
from instrumentation.metrics import Metrics
from instrumentation.settings import ServiceSettings, parse_headers

MAX_ATTRIBUTE_BYTES: Final = 60_000
"""Below Loki's own limit of structured metadata, 64 KiB: over it the whole batch would be lost.

`loki/loki.yml` allows 512 KB, for what others send; a Loki elsewhere may not.
"""
MAX_ATTRIBUTES: Final = 100
MAX_VALUE_BYTES: Final = 32_768
MAX_BODY_BYTES: Final = 131_072

# Their lines tell of the export itself: exported, each failure would make another.
_OWN_LOGGERS: Final = ("opentelemetry", "urllib3", "requests")
# What the record, its body or its resource says already; `level` is an attribute as well, since
# Loki makes labels of attributes alone.
_ELSEWHERE: Final = frozenset(
    {"timestamp", "message", "trace_id", "span_id", "service", "environment", "version"}
)
_SEVERITIES: Final = (
    (logging.CRITICAL, SeverityNumber.FATAL),
    (logging.ERROR, SeverityNumber.ERROR),
    (logging.WARNING, SeverityNumber.WARN),
    (logging.INFO, SeverityNumber.INFO),
)


@dataclass(frozen=True, slots=True)
class LogExport:
    """The handler whose records go out; it stands at the root logger until `close`."""

    handler: logging.Handler
    _closing: Closing

    def close(self) -> None:
        """Send what is queued, for 2.5 seconds at most."""
        logging.getLogger().removeHandler(self.handler)
        self._closing.close()


def open_log_export(settings: ServiceSettings, metrics: Metrics | None = None) -> LogExport | None:
    """Send the process's records to the collector too; None where there is no collector.

    Call it after `configure_logging`. A line never waits: a full queue drops its oldest record.
    """
    if settings.otlp_endpoint is None:
        return None
    book = ExportBook("logs", metrics)
    exporter = OTLPLogExporter(
        endpoint=signal_url(settings, "logs"),
        headers=parse_headers(settings.otlp_headers.get_secret_value()),
        timeout=EXPORT_TIMEOUT_SECONDS,
    )
    processor = BatchLogRecordProcessor(
        _CountingExporter(exporter, LogRecordExportResult.SUCCESS, book),
        schedule_delay_millis=BATCH_DELAY_MILLISECONDS,
        max_queue_size=QUEUE_SIZE,
    )
    handler = _OtlpHandler(processor, _labelled_resource(settings), settings.service_version, book)
    closing = Closing(processor.shutdown, exporter.shutdown, _log_exporter.__name__, QUEUE_LOGGER)
    logging.getLogger().addHandler(handler)
    return LogExport(handler, closing)


def _labelled_resource(settings: ServiceSettings) -> Resource:
    """Who sends, and the same under the names of Loki's labels."""
    labels = {"service": settings.service_name, "environment": settings.environment}
    return resource_of(settings).merge(Resource(labels))


class _OtlpHandler(logging.Handler):
    def __init__(
        self,
        processor: BatchLogRecordProcessor,
        resource: Resource,
        version: str,
        book: ExportBook,
    ) -> None:
        super().__init__()
        self._processor = processor
        self._resource = resource
        self._scope = InstrumentationScope("instrumentation", version)
        self._limits = LogRecordLimits()
        self._book = book

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(_OWN_LOGGERS):
            return
        try:
            fields = redacted_fields(record)
            wire = LogRecord(
                timestamp=int(record.created * 1e9),
                severity_text=record.levelname,
                severity_number=_severity(record.levelno),
                body=_cut(fields["message"], MAX_BODY_BYTES),
                attributes=dict(_attributes(fields)),
            )
            self._book.added()
            self._processor.on_emit(_Bounded(wire, self._resource, self._scope, self._limits))
        except Exception:
            self.handleError(record)


class _Bounded(ReadWriteLogRecord):
    """A record whose attributes are clean and bounded: the SDK need not copy them once more."""

    def __post_init__(self) -> None:
        """Leave them as they are."""


def _severity(level: int) -> SeverityNumber:
    return next((number for least, number in _SEVERITIES if level >= least), SeverityNumber.DEBUG)


def _attributes(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    left, count = MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTES
    for key, value in fields.items():
        if value is None or key in _ELSEWHERE:
            continue
        plain = value if isinstance(value, (str, bool, int, float)) else _text(value)
        size = len(key) + 32
        if isinstance(plain, str):
            plain = _cut(plain, min(MAX_VALUE_BYTES, left - size))
            size += len(plain) if plain.isascii() else len(plain.encode())
        elif isinstance(plain, int) and not -(2**63) <= plain < 2**63:
            plain = str(plain)
        left -= size
        count -= 1
        if left < 0 or count < 0:
            return
        yield _cut(key, MAX_VALUE_BYTES), plain


def _cut(text: str, size: int) -> str:
    """The text in at most `size` bytes; what no byte can stand for would cost its whole batch."""
    if text.isascii():
        return text[: max(0, size)]
    return text.encode(errors="replace")[: max(0, size)].decode(errors="ignore")


def _text(value: object) -> str:
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return str(value)


class _CountingExporter(
    CountingExporter[ReadableLogRecord, LogRecordExportResult], LogRecordExporter
):
    """As the SDK's processor of log records takes it."""
