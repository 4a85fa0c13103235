"""W3C trace context in and out of header mappings."""

import re
from collections.abc import Mapping, MutableMapping
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from instrumentation.current_span import context_of, current_identity

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


def inject(headers: MutableMapping[str, str]) -> None:
    """Add `traceparent` and `tracestate` of the current span to the headers of a call."""
    trace_id, span_id, _, flags, state, is_valid = current_identity()
    if is_valid:
        headers["traceparent"] = f"00-{trace_id:032x}-{span_id:016x}-{flags:02x}"
        if state:
            headers["tracestate"] = state.to_header()


def extract(headers: Mapping[str, str]) -> Context:
    """The context a caller's headers (lower-case names) describe; an empty one where they do not.

    Keep `inject`'s result beside a job or a message and pass it here to continue its trace.
    """
    return _PROPAGATOR.extract(headers, context=Context())


def extract_pair(traceparent: str, tracestate: str | None) -> Context:
    """`extract` for the hot path: the usual header alone is read without the propagator."""
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None or tracestate:
        return extract({"traceparent": traceparent, "tracestate": tracestate or ""})
    trace_id, span_id, flags = match.groups()
    parent = SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )
    if not parent.is_valid:
        return Context()
    return context_of(NonRecordingSpan(parent))
