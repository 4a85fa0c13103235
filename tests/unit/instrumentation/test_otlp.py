"""What goes to a collector, against OpenTelemetry's own SDK and encoder."""

import base64
import json
from operator import itemgetter
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans as encode_by_sdk
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    TraceState,
    set_span_in_context,
)
from tests.otlp_collector import with_ids_as_protobuf_has_them

from instrumentation.otlp import encode_spans
from instrumentation.spans import RecordedSpan, RecordingTracer

REMOTE = SpanContext(
    0x4BF92F3577B34DA6A3CE929D0E0E4736,
    0x00F067AA0BA902B7,
    is_remote=True,
    trace_flags=TraceFlags(TraceFlags.SAMPLED),
    trace_state=TraceState([("vendor", "value")]),
)

LINKED = SpanContext(REMOTE.trace_id, 7, is_remote=True, trace_flags=REMOTE.trace_flags)
"""Without a state, which the SDK leaves out of links."""


class Kept(SpanProcessor):
    """Keeps what ends."""

    def __init__(self) -> None:
        self.ended: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)


def by_the_sdk(say: Any) -> dict[str, Any]:
    provider, kept = TracerProvider(shutdown_on_exit=False), Kept()
    provider.add_span_processor(kept)
    say(provider.get_tracer("instrumentation", "1.2.3"))
    return one_span(encode_by_sdk(kept.ended))


def by_us(say: Any) -> dict[str, Any]:
    ended: list[RecordedSpan] = []
    say(RecordingTracer(1.0, ended.append))
    said = json.loads(
        encode_spans({"service.name": "x"}, "1.2.3", ended),
        object_hook=with_ids_as_protobuf_has_them,
    )
    return one_span(json_format.ParseDict(said, ExportTraceServiceRequest()))


def one_span(request: ExportTraceServiceRequest) -> dict[str, Any]:
    (scope,) = request.resource_spans[0].scope_spans
    assert (scope.scope.name, scope.scope.version) == ("instrumentation", "1.2.3")
    (span,) = scope.spans
    made = json_format.MessageToDict(span)
    assert len(base64.b64decode(made.pop("spanId"))) == 8
    if not made.get("status"):
        made.pop("status", None)
    made.get("attributes", []).sort(key=itemgetter("key"))
    return made


def everything(span: Span) -> None:
    span.set_attributes({"text": "\u00e4", "yes": True, "number": -5, "half": 0.5})
    span.set_attribute("several", ["a", "b"])
    span.set_attribute("text", "anew")
    span.add_event("exception", {"exception.type": "ValueError"}, timestamp=17)
    span.set_status(StatusCode.ERROR, "ValueError")


@pytest.mark.parametrize("kind", SpanKind)
def test_a_span_is_told_as_the_sdk_tells_it(kind: SpanKind) -> None:
    def say(tracer: Tracer) -> None:
        span = tracer.start_span(
            "work",
            context=set_span_in_context(NonRecordingSpan(REMOTE)),
            kind=kind,
            attributes={"first": 1},
            links=[Link(LINKED, {"reason": "asked"})],
            start_time=5,
        )
        everything(span)
        span.end(23)
        span.set_attribute("late", 1)
        span.end(99)

    assert by_us(say) == by_the_sdk(say)


@pytest.mark.parametrize(
    "statuses",
    [
        [StatusCode.OK, StatusCode.ERROR],
        [StatusCode.ERROR, StatusCode.UNSET],
        [StatusCode.ERROR, StatusCode.OK],
        [],
    ],
    ids=str,
)
def test_the_status_follows_the_rules_of_the_sdk(statuses: list[StatusCode]) -> None:
    def say(tracer: Tracer) -> None:
        context = set_span_in_context(NonRecordingSpan(REMOTE))
        span = tracer.start_span("work", context=context, start_time=1)
        for status in statuses:
            span.set_status(status, "why" if status is StatusCode.ERROR else None)
        span.end(2)

    assert by_us(say) == by_the_sdk(say)


@given(
    st.dictionaries(
        st.text(min_size=1),
        st.text() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.lists(st.text()),
    )
)
def test_any_attributes_are_told_as_the_sdk_tells_them(attributes: dict[str, Any]) -> None:
    def say(tracer: Tracer) -> None:
        context = set_span_in_context(NonRecordingSpan(REMOTE))
        tracer.start_span("work", context, attributes=attributes, start_time=1).end(2)

    assert by_us(say) == by_the_sdk(say)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (2**80, {"stringValue": str(2**80)}),
        (float("nan"), {"stringValue": "nan"}),
        (float("-inf"), {"stringValue": "-inf"}),
        ("\ud800", {"stringValue": "?"}),
        (None, {"stringValue": "None"}),
    ],
    ids=["huge", "nan", "infinite", "half a character", "none"],
)
def test_an_odd_value_costs_no_batch(value: Any, sent: dict[str, Any]) -> None:
    ended: list[RecordedSpan] = []
    RecordingTracer(1.0, ended.append).start_span("work", attributes={"odd": value}).end()
    message = json.loads(encode_spans({}, "1", ended))
    (span,) = message["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert span["attributes"] == [{"key": "odd", "value": sent}]


def test_what_is_not_sampled_is_not_recorded() -> None:
    ended: list[RecordedSpan] = []
    tracer = RecordingTracer(0.0, ended.append)
    with tracer.start_as_current_span("outer") as outer, tracer.start_as_current_span("inner"):
        assert not outer.is_recording()
    assert ended == []


def test_a_span_keeps_a_bounded_number_of_attributes_and_events() -> None:
    ended: list[RecordedSpan] = []
    span = RecordingTracer(1.0, ended.append).start_span("work")
    for n in range(300):
        span.set_attribute(f"a{n}", n)
        span.add_event("e")
    span.end()
    assert (len(ended[0].attributes), len(ended[0].events)) == (128, 128)
