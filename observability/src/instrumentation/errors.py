"""Unexpected errors in metrics and traces: each counted once, and never with a secret."""

import traceback
from typing import Final

from opentelemetry.trace import Span, StatusCode
from opentelemetry.util.types import AttributeValue

from instrumentation.metrics import Metrics, exemplar
from instrumentation.redaction import redact

_COUNTED: Final = "__instrumentation_counted__"
_MAX_TRACEBACK: Final = 16_384


def count_error(metrics: Metrics, error: BaseException) -> None:
    """Add to `errors_total`, once for one exception however many layers see it pass."""
    if getattr(error, _COUNTED, False):
        return
    family = metrics.counter("errors_total")
    family.labels(type(error).__name__).inc(exemplar=exemplar())
    try:
        setattr(error, _COUNTED, True)
    except AttributeError:
        return  # an exception with slots: a second count is the lesser evil


def record_exception(span: Span, error: BaseException) -> None:
    """Mark a span as failed and add the exception as its event, redacted.

    The SDK's own `record_exception` would send the message as it is.
    """
    if not span.is_recording():
        return
    text = redact("".join(traceback.format_exception(error)))[-_MAX_TRACEBACK:]
    attributes: dict[str, AttributeValue] = {
        "exception.type": type(error).__qualname__,
        "exception.message": short_message(error),
        "exception.stacktrace": text,
    }
    span.add_event("exception", attributes)
    span.set_attribute("error.type", type(error).__qualname__)
    span.set_status(StatusCode.ERROR, type(error).__qualname__)


def short_message(error: BaseException, limit: int = 200) -> str:
    """The first line of an exception's text, redacted and cut to `limit` characters."""
    first, _, _ = str(error).strip().partition("\n")
    return redact(first)[:limit]
