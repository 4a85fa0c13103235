"""Log records in batches to an OTLP/HTTP collector, from another thread.

What goes out is what the JSON line holds, redacted by the same code, never the record itself.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Final

import orjson

from instrumentation.export import Collector, Export, resource_of
from instrumentation.log_fields import redacted_fields
from instrumentation.metrics import Metrics
from instrumentation.otlp import LogLine, encode_logs
from instrumentation.settings import ServiceSettings

MAX_ATTRIBUTE_BYTES: Final = 60_000
"""Below Loki's own limit of structured metadata, 64 KiB: over it the whole batch would be lost.

`loki/loki.yml` allows 512 KB, for what others send; a Loki elsewhere may not.
"""
MAX_ATTRIBUTES: Final = 100
MAX_VALUE_BYTES: Final = 32_768
MAX_BODY_BYTES: Final = 131_072
# So many characters of so many attributes are within the limits whatever they are: a character
# takes four bytes at most.
_SHORT: Final = 8_192
_FEW: Final = 50

# Their lines tell of the export itself: exported, each failure would make another.
_OWN_LOGGERS: Final = ("instrumentation.export", "urllib3")
# What the record, its body or its resource says already; `level` is an attribute as well, since
# Loki makes labels of attributes alone.
_ELSEWHERE: Final = frozenset(
    {"timestamp", "message", "trace_id", "span_id", "service", "environment", "version"}
)
# By OpenTelemetry's data model of logs.
_SEVERITIES: Final = (
    (logging.CRITICAL, 21),
    (logging.ERROR, 17),
    (logging.WARNING, 13),
    (logging.INFO, 9),
)
_DEBUG: Final = 5


@dataclass(frozen=True, slots=True)
class LogExport:
    """The handler whose records go out; it stands at the root logger until `close`."""

    handler: logging.Handler
    _export: Export[LogLine]

    def close(self) -> None:
        """Send what is queued, for 2.5 seconds at most."""
        logging.getLogger().removeHandler(self.handler)
        self._export.close()


def open_log_export(settings: ServiceSettings, metrics: Metrics | None = None) -> LogExport | None:
    """Send the process's records to the collector too; None where there is no collector.

    Call it after `configure_logging`. A line never waits: a full queue drops its oldest record.
    """
    if settings.otlp_endpoint is None:
        return None
    resource, version = _labelled_resource(settings), settings.service_version
    collector = Collector(settings, "logs")
    export: Export[LogLine] = Export(
        "logs", lambda lines: collector.take(encode_logs(resource, version, lines)), metrics
    )
    handler = _OtlpHandler(export)
    logging.getLogger().addHandler(handler)
    return LogExport(handler, export)


def _labelled_resource(settings: ServiceSettings) -> Mapping[str, Any]:
    """Who sends, and the same under the names of Loki's labels."""
    labels = {"service": settings.service_name, "environment": settings.environment}
    return {**resource_of(settings), **labels}


class _OtlpHandler(logging.Handler):
    def __init__(self, export: Export[LogLine]) -> None:
        super().__init__()
        self._export = export

    def handle(self, record: logging.LogRecord) -> bool:
        """Take a record; without the lock and the filters of others, since the queue needs none."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(_OWN_LOGGERS):
            return
        try:
            fields = redacted_fields(record)
            line = LogLine(
                time_ns=int(record.created * 1e9),
                severity=_severity(record.levelno),
                level=record.levelname,
                body=_cut(fields["message"], MAX_BODY_BYTES),
                trace_id=fields["trace_id"],
                span_id=fields["span_id"],
                attributes=_attributes(fields),
            )
            self._export.add(line)
        except Exception:
            self.handleError(record)


@lru_cache(maxsize=64)
def _severity(level: int) -> int:
    return next((number for least, number in _SEVERITIES if level >= least), _DEBUG)


def _attributes(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    said = {
        key: value if isinstance(value, (str, bool, int, float)) else _text(value)
        for key, value in fields.items()
        if value is not None and key not in _ELSEWHERE
    }
    # Nearly every line is short: to weigh each of its values would be the most that it costs.
    if len(said) <= _FEW and len("".join(map(str, said.values()))) <= _SHORT:
        return said
    return dict(_bounded(said))


def _bounded(said: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    left = MAX_ATTRIBUTE_BYTES
    for key, value in islice(said.items(), MAX_ATTRIBUTES):
        size = len(key) + 32
        if isinstance(value, str):
            value = _cut(value, min(MAX_VALUE_BYTES, left - size))  # noqa: PLW2901
            size += len(value) if value.isascii() else len(value.encode())
        left -= size
        if left < 0:
            return
        yield _cut(key, MAX_VALUE_BYTES), value


def _cut(text: str, size: int) -> str:
    """The text in at most `size` bytes."""
    if text.isascii():
        return text[: max(0, size)]
    return text.encode(errors="replace")[: max(0, size)].decode(errors="ignore")


def _text(value: object) -> str:
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return str(value)
