"""A tracer that only makes and continues ids: what a service uses where no collector is set.

Log lines, `x-trace-id` headers and exemplars then carry the same trace id at nearly no cost,
and the trace of a caller goes on through this service.
"""

import os
from collections.abc import Sequence
from random import Random
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import (
    DEFAULT_TRACE_STATE,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    Tracer,
)
from opentelemetry.util.types import Attributes

from instrumentation.current_span import current_identity, enter, leave

_LOW_64_BITS: Final = (1 << 64) - 1
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_NOT_SAMPLED: Final = TraceFlags(TraceFlags.DEFAULT)


class IdentifierTracer(Tracer):
    """Spans that record nothing; a new trace is sampled with `sample_rate`, a child as its parent.

    The decision reads the low 64 bits of the trace id, as the SDK's TraceIdRatioBased does.
    """

    def __init__(self, sample_rate: float) -> None:
        self._bound = round(sample_rate * (1 << 64))
        # Ids are no secrets: a generator takes a quarter of the time of os.urandom.
        generator = Random()  # noqa: S311
        self._random_bits = generator.getrandbits
        # Else a forked child would make the ids of its parent.
        os.register_at_fork(after_in_child=generator.seed)

    def start_span(  # noqa: PLR0913, PLR0917 - the OpenTelemetry API fixes the signature
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002
    ) -> Span:
        """A span with a new id, in its parent's trace or in a new one."""
        del name, kind, attributes, links, start_time, record_exception, set_status_on_exception
        return NonRecordingSpan(self.identity(current_identity(context)))

    def identity(self, parent: SpanContext) -> SpanContext:
        """New ids: in the trace of `parent` where that is valid, else in a new trace."""
        span_id = self._random_bits(64) or 1
        # A span's ids are a tuple: its properties and its checks take as long as all the rest.
        trace_id, _, _, flags, state, is_valid = parent
        if not is_valid:
            trace_id = self._random_bits(128) or 1
            flags = _SAMPLED if (trace_id & _LOW_64_BITS) < self._bound else _NOT_SAMPLED
            state = DEFAULT_TRACE_STATE
        return tuple.__new__(SpanContext, (trace_id, span_id, False, flags, state, True))

    # The API's own return type is a generator's, which takes twice the time.
    def start_as_current_span(  # pyright: ignore[reportIncompatibleMethodOverride] # noqa: PLR0913, PLR0917
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002
        end_on_exit: bool = True,  # noqa: FBT001, FBT002
    ) -> "CurrentSpan":
        """Such a span as the current one of a block.

        An exception passes without a mark: `instrumentation.errors` marks the span, redacted.
        """
        del record_exception, set_status_on_exception
        span = self.start_span(name, context, kind, attributes, links, start_time)
        return CurrentSpan(span, end_on_exit=end_on_exit)


class CurrentSpan:
    """Makes a span the current one around a block, and ends it there."""

    __slots__ = ("_end_on_exit", "_span", "_token")

    def __init__(self, span: Span, *, end_on_exit: bool) -> None:
        self._span = span
        self._end_on_exit = end_on_exit

    def __enter__(self) -> Span:
        self._token = enter(self._span)
        return self._span

    def __exit__(self, *_: object) -> None:
        leave(self._token)
        if self._end_on_exit:
            self._span.end()
