"""Spans of OpenTelemetry's API that record in a tenth of its SDK's time, for one kind of export.

The SDK takes some 40 us of CPU for each span and 50 us more to encode it, which is most of what
telemetry costs a request that makes ten spans or more: see decision 16.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)
from opentelemetry.util.types import AnyValue, Attributes

from instrumentation.current_span import current_identity
from instrumentation.identifiers import IdentifierTracer

MAX_ATTRIBUTES: Final = 128
MAX_EVENTS: Final = 128
"""As the SDK has them by default; of what is more, the first are kept."""
_SAMPLED: Final = int(TraceFlags.SAMPLED)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at one moment of a span."""

    name: str
    time_ns: int
    attributes: Mapping[str, AnyValue]


class RecordedSpan(Span):
    """A span and all that it says; `on_end` is handed it once, when it ends.

    Belongs to one task or thread at a time. What is set after its end is ignored.
    """

    __slots__ = (
        "_on_end",
        "attributes",
        "context",
        "description",
        "end_ns",
        "events",
        "kind",
        "links",
        "name",
        "parent",
        "start_ns",
        "status",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - made at one place, for each span
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        attributes: Attributes,
        links: Sequence[Link],
        start_ns: int,
        on_end: Callable[["RecordedSpan"], None],
    ) -> None:
        self.name = name
        self.context = context
        self.parent = parent
        self.kind = kind
        self.attributes: dict[str, AnyValue] = dict(attributes) if attributes else {}
        self.links = links
        self.events: list[Event] = []
        self.start_ns = start_ns
        self.end_ns = 0
        self.status = StatusCode.UNSET
        self.description: str | None = None
        self._on_end = on_end

    def get_span_context(self) -> SpanContext:
        """Its ids, and whether its trace is kept."""
        return self.context

    def is_recording(self) -> bool:
        """Until it ends."""
        return not self.end_ns

    def set_attribute(self, key: str, value: AnyValue) -> None:
        """Say one thing more, or anew."""
        if not self.end_ns and (len(self.attributes) < MAX_ATTRIBUTES or key in self.attributes):
            self.attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, AnyValue]) -> None:
        """Say several things more."""
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def add_event(
        self, name: str, attributes: Attributes = None, timestamp: int | None = None
    ) -> None:
        """Note what happened now, or at `timestamp` in ns."""
        if not self.end_ns and len(self.events) < MAX_EVENTS:
            self.events.append(Event(name, timestamp or time.time_ns(), attributes or {}))

    def update_name(self, name: str) -> None:
        """Take another name."""
        if not self.end_ns:
            self.name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Say how it went; that all is well stands whatever comes later."""
        if self.end_ns or self.status is StatusCode.OK:
            return
        if isinstance(status, Status):
            status, description = status.status_code, status.description
        if status is not StatusCode.UNSET:
            self.status = status
            self.description = description if status is StatusCode.ERROR else None

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002 - the API fixes the signature
    ) -> None:
        """Note the type of an exception; `instrumentation.errors` tells more, and redacts it."""
        del escaped
        own = {"exception.type": type(exception).__qualname__, **(attributes or {})}
        self.add_event("exception", own, timestamp)

    def end(self, end_time: int | None = None) -> None:
        """End it now, or at `end_time` in ns; once."""
        if self.end_ns:
            return
        self.end_ns = end_time or time.time_ns()
        self._on_end(self)


class RecordingTracer(IdentifierTracer):
    """Makes spans that record where their trace is sampled, and bare ids where it is not.

    `on_end` takes each span that ended, from any thread.
    """

    def __init__(self, sample_rate: float, on_end: Callable[[RecordedSpan], None]) -> None:
        super().__init__(sample_rate)
        self._on_end = on_end

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
        del record_exception, set_status_on_exception
        parent = current_identity(context)
        own = self.identity(parent)
        # Ids are a tuple: names and properties of it take as long as all the rest.
        if not own[3] & _SAMPLED:
            return NonRecordingSpan(own)
        return RecordedSpan(
            name,
            own,
            parent if parent[5] else None,
            kind,
            attributes,
            links or (),
            start_time or time.time_ns(),
            self._on_end,
        )
