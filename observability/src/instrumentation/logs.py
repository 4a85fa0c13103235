"""Logs: one JSON line per record on stdout, coloured text in a terminal, no secret in either."""

import json
import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import orjson
from opentelemetry.trace import get_current_span
from pythonjsonlogger.core import RESERVED_ATTRS, merge_record_extra
from pythonjsonlogger.json import JsonFormatter

from instrumentation.context import RequestContext, current
from instrumentation.redaction import redact, redact_mapping
from instrumentation.settings import ServiceSettings

DEFAULT_CATEGORY: Final = "infrastructure"
# Loki answers 400 to structured metadata over 64 KB, and a longer trace says no more.
_MAX_TEXT: Final = 32_768
_OWN_FIELDS: Final = ("category", "latency_ms")
_NOT_EXTRA: Final = frozenset({*RESERVED_ATTRS, "color_message", "taskName", *_OWN_FIELDS})
_NO_CONTEXT: Final = RequestContext()
_COLOURS: Final = {"DEBUG": 90, "INFO": 32, "WARNING": 33, "ERROR": 31, "CRITICAL": 35}
_ROUTED: Final = ("uvicorn", "uvicorn.error", "uvicorn.asgi")
# Their every request or statement is a span already; written out, a statement's parameters would
# name users.
_CHATTY: Final = ("httpx", "httpx2", "httpcore", "urllib3", "aiosqlite", "sqlalchemy")


def record_fields(record: logging.LogRecord) -> dict[str, Any]:
    """What the context adds to a record: time, trace, request, latency and category."""
    span = get_current_span().get_span_context()
    request = current() or _NO_CONTEXT
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    return {
        "timestamp": moment.replace("+00:00", "Z"),
        "level": record.levelname,
        "logger": record.name,
        "message": redact(record.message[:_MAX_TEXT]),
        "trace_id": f"{span.trace_id:032x}" if span.is_valid else None,
        "span_id": f"{span.span_id:016x}" if span.is_valid else None,
        "request_id": request.request_id,
        "tenant_id": request.tenant_id,
        "user_hash": request.user_hash,
        "endpoint": request.endpoint,
        "latency_ms": getattr(record, "latency_ms", None),
        "category": getattr(record, "category", DEFAULT_CATEGORY),
    }


def _serialize(line: dict[str, Any], **_: Any) -> str:
    # Several times as fast as the standard library, for the costliest part of a line.
    try:
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        # Lone surrogates and huge numbers, which JSON can carry and orjson refuses.
        return json.dumps(line, default=str)


class JsonLineFormatter(JsonFormatter):
    """One JSON object per record, redacted field by field so that it stays valid JSON."""

    def __init__(self, settings: ServiceSettings) -> None:
        super().__init__(json_serializer=_serialize)
        self._service = {
            "service": settings.service_name,
            "environment": settings.environment,
            "version": settings.service_version,
        }

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        """Fill in the fields of every line, then the record's extras."""
        log_data.update(record_fields(record))
        log_data.update(self._service)
        exception = message_dict.pop("exc_info", None)
        extras = {**message_dict, **merge_record_extra(record, {}, reserved=_NOT_EXTRA)}
        # No extra can forge a field of the line.
        for key, value in redact_mapping(extras).items():
            log_data.setdefault(key, value)
        if exception:
            log_data["exception"] = redact(exception[-_MAX_TEXT:])


class TextFormatter(logging.Formatter):
    """A line for human eyes: time, level in colour, logger, message, extras, short trace id."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with the exception below it."""
        record.message = record.getMessage()
        fields = record_fields(record)
        extras = merge_record_extra(record, {}, reserved=_NOT_EXTRA)
        shown = " ".join(f"{key}={value}" for key, value in redact_mapping(extras).items())
        trace = f" trace={fields['trace_id'][:8]}" if fields["trace_id"] else ""
        colour = _COLOURS.get(record.levelname, 0)
        line = (
            f"{fields['timestamp'][11:23]} \x1b[{colour}m{record.levelname:<8}\x1b[0m "
            f"{record.name}: {fields['message']}"
            f"{f' {shown}' if shown else ''}\x1b[90m{trace}\x1b[0m"
        )
        if record.exc_info:
            line += f"\n{redact(self.formatException(record.exc_info))}"
        return line


@dataclass(frozen=True, slots=True)
class ConfiguredLogging:
    """What `configure_logging` replaced; `restore` puts it back (tests need that)."""

    handler: logging.Handler
    _handlers: tuple[logging.Handler, ...]
    _level: int

    def restore(self) -> None:
        """Give the root logger its former handlers and level."""
        root = logging.getLogger()
        root.handlers[:] = self._handlers
        root.setLevel(self._level)


def configure_logging(settings: ServiceSettings, stream: TextIO | None = None) -> ConfiguredLogging:
    """Send every record of the process, uvicorn's too, as one line to `stream` (stdout).

    uvicorn's access log is silenced: the middleware writes one line per request.
    """
    output = stream or sys.stdout
    handler = logging.StreamHandler(output)
    handler.setFormatter(_formatter(settings, output))
    root = logging.getLogger()
    before = ConfiguredLogging(handler, tuple(root.handlers), root.level)
    root.handlers[:] = [handler]
    # A warning of a library is a log line like any other.
    logging.captureWarnings(capture=True)
    root.setLevel(settings.log_level)
    for name in _ROUTED:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    access = logging.getLogger("uvicorn.access")
    access.handlers.clear()
    access.disabled = True
    return before


def _formatter(settings: ServiceSettings, stream: TextIO) -> logging.Formatter:
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and stream.isatty())
    return TextFormatter() if as_text else JsonLineFormatter(settings)
