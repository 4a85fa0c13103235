"""What a log line says: the record's own fields and its context's, with no secret in any."""

import logging
import traceback
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from instrumentation.context import RequestContext, current
from instrumentation.current_span import current_identity
from instrumentation.errors import short_message
from instrumentation.redaction import redact, redact_mapping

DEFAULT_CATEGORY: Final = "infrastructure"
# Loki's own limit of structured metadata is 64 KB, and a longer trace says no more.
_MAX_TEXT: Final = 32_768
_MAX_ERROR: Final = 1_024
_MADE: Final = "_redacted_fields"
_OWN_FIELDS: Final = ("category", "latency_ms")
_NOT_EXTRA: Final = frozenset(
    {
        *vars(logging.makeLogRecord({})),
        *("message", "asctime", "color_message", "taskName"),
        *_OWN_FIELDS,
    }
)
_NO_CONTEXT: Final = RequestContext()


def redacted_fields(record: logging.LogRecord) -> dict[str, Any]:
    """All that leaves the process of a record, redacted; made once for all that send it."""
    made: dict[str, Any] | None = getattr(record, _MADE, None)
    if made is None:
        made = _fields(record)
        setattr(record, _MADE, made)
    return made


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields = _context_fields(record)
    # No extra can forge a field of the line.
    given = vars(record)
    extras = {key: given[key] for key in given if key not in _NOT_EXTRA and key[:1] != "_"}
    for key, value in redact_mapping(extras).items():
        fields.setdefault(key, value)
    if record.stack_info:
        fields["stack"] = redact(record.stack_info[-_MAX_TEXT:])
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        fields["exception.type"] = type(error).__qualname__
        fields["exception.message"] = short_message(error, _MAX_ERROR)
        text = "".join(traceback.format_exception(error))
        fields["exception.stacktrace"] = redact(text[-_MAX_TEXT:])
    return fields


def _context_fields(record: logging.LogRecord) -> dict[str, Any]:
    trace_id, span_id, *_, in_trace = current_identity()
    request = current() or _NO_CONTEXT
    moment = record.created
    return {
        "timestamp": f"{_second(int(moment))}.{int(moment % 1 * 1000):03d}Z",
        "level": record.levelname,
        "logger": record.name,
        "message": redact(record.getMessage()[:_MAX_TEXT]),
        "trace_id": f"{trace_id:032x}" if in_trace else None,
        "span_id": f"{span_id:016x}" if in_trace else None,
        "request_id": request.request_id,
        "tenant_id": request.tenant_id,
        "user_hash": request.user_hash,
        "endpoint": request.endpoint,
        "latency_ms": getattr(record, "latency_ms", None),
        "category": getattr(record, "category", DEFAULT_CATEGORY),
    }


# Many lines are of the same second.
@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
