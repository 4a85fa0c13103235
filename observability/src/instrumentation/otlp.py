"""Spans and log records in OTLP's JSON form.

The form is that of https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: ids in
hexadecimal, 64-bit integers as text, enumerations as numbers.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import orjson
from opentelemetry.trace import Link, SpanContext

from instrumentation.spans import Event, RecordedSpan

Json = dict[str, Any]
_INT64: Final = range(-(2**63), 2**63)
# Flags of a span or a link: it is known whether its parent is elsewhere; it is.
_KNOWN_REMOTE, _REMOTE = 0x100, 0x200
_SHORT: Final = 64


@dataclass(slots=True)
class LogLine:
    """A log record as it leaves: all redacted, `attributes` within a collector's limits."""

    time_ns: int
    severity: int
    level: str
    body: str
    trace_id: str | None
    span_id: str | None
    attributes: Mapping[str, Any]


def encode_spans(resource: Mapping[str, Any], version: str, spans: Sequence[RecordedSpan]) -> bytes:
    """The body of a request to /v1/traces."""
    return _body("resourceSpans", "scopeSpans", "spans", resource, version, map(_span, spans))


def encode_logs(resource: Mapping[str, Any], version: str, lines: Sequence[LogLine]) -> bytes:
    """The body of a request to /v1/logs."""
    return _body("resourceLogs", "scopeLogs", "logRecords", resource, version, map(_line, lines))


def _body(
    of_resources: str,
    of_scopes: str,
    of_records: str,
    resource: Mapping[str, Any],
    version: str,
    records: Iterable[Json],
) -> bytes:
    scope = {"name": "instrumentation", "version": version}
    by_scope = {"scope": scope, of_records: list(records)}
    by_resource = {"resource": {"attributes": _attributes(resource)}, of_scopes: [by_scope]}
    message = {of_resources: [by_resource]}
    try:
        return orjson.dumps(message)
    except TypeError:
        # No byte can stand for half a character, and it must not cost the whole batch.
        return json.dumps(message, ensure_ascii=False).encode(errors="replace")


def _span(span: RecordedSpan) -> Json:
    context, parent = span.context, span.parent
    said: Json = {
        "traceId": f"{context.trace_id:032x}",
        "spanId": f"{context.span_id:016x}",
        "name": span.name,
        "kind": span.kind.value + 1,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _attributes(span.attributes),
        "flags": _flags(parent),
    }
    if parent is not None:
        said["parentSpanId"] = f"{parent.span_id:016x}"
    if context.trace_state:
        said["traceState"] = context.trace_state.to_header()
    if span.status.value:
        said["status"] = {"code": span.status.value, "message": span.description or ""}
    if span.events:
        said["events"] = [_event(event) for event in span.events]
    if span.links:
        said["links"] = [_link(link) for link in span.links]
    return said


def _event(event: Event) -> Json:
    return {
        "name": event.name,
        "timeUnixNano": str(event.time_ns),
        "attributes": _attributes(event.attributes),
    }


def _link(link: Link) -> Json:
    context: SpanContext = link.context
    return {
        "traceId": f"{context.trace_id:032x}",
        "spanId": f"{context.span_id:016x}",
        "traceState": context.trace_state.to_header(),
        "attributes": _attributes(link.attributes or {}),
        "flags": _flags(context),
    }


def _line(line: LogLine) -> Json:
    said: Json = {
        "timeUnixNano": str(line.time_ns),
        "severityNumber": line.severity,
        "severityText": line.level,
        "body": {"stringValue": line.body},
        "attributes": _attributes(line.attributes),
    }
    if line.trace_id is not None:
        said["traceId"] = line.trace_id
        said["spanId"] = line.span_id
    return said


def _flags(context: SpanContext | None) -> int:
    return _KNOWN_REMOTE | _REMOTE if context is not None and context.is_remote else _KNOWN_REMOTE


def _attributes(attributes: Mapping[str, Any]) -> list[Json]:
    return [
        _of_text(key, value)
        if type(value) is str and len(value) <= _SHORT
        else {"key": key, "value": _value(value)}
        for key, value in attributes.items()
    ]


# Most short texts come with every record: kinds, names, routes.
@lru_cache(maxsize=2_048)
def _of_text(key: str, text: str) -> Json:
    return {"key": key, "value": {"stringValue": text}}


def _value(value: object) -> Json:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        # What no 64 bits hold would cost the whole batch.
        return {"intValue" if value in _INT64 else "stringValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value} if math.isfinite(value) else {"stringValue": str(value)}
    if isinstance(value, Sequence):
        return {"arrayValue": {"values": [_value(one) for one in value]}}
    return {"stringValue": str(value)}
