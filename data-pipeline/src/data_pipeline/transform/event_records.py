"""Validates events one by one: what an event is, and what is said of one that is none."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from contracts.events import Event, EventType
from data_pipeline.domain.records import EventRecord
from data_pipeline.domain.validation_rules import VersionedRules
from data_pipeline.transform.rejections import Fault, RecordKind
from data_pipeline.transform.rules import event_fault

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_ADAPTER: Final = TypeAdapter(Event)
_IDENTIFIER: Final = "a string of 1 to 256 characters without control characters"
_KIND: Final = RecordKind(
    "an event",
    {
        "event_id": _IDENTIFIER,
        "user_id": _IDENTIFIER,
        "item_id": _IDENTIFIER,
        "event_type": "the name of a type: a letter, then up to 63 of a-z, 0-9, _ and -",
        "timestamp": "a time as RFC 3339 with an offset, or as Unix seconds",
        "value": "a number from -1e9 to 1e9, or null",
        "recommendation_id": f"{_IDENTIFIER}, or null",
    },
)


@dataclass(frozen=True, slots=True)
class EventTerms:
    """What events are held against: the tenant's rules, types and items, at a Unix time in ms."""

    rules: VersionedRules
    now_ms: int
    event_types: Collection[str]
    known_items: Collection[str]


def checked_event(record: Any, terms: EventTerms) -> EventRecord | Fault:
    """A record as an event, or the first fault that it has."""
    try:
        sent = _ADAPTER.validate_python(record)
    except ValidationError as error:
        return _KIND.fault(error)
    event = _kept(sent)
    if event.event_type not in terms.event_types:
        return _undeclared(event.event_type)
    if event.event_type == EventType.RATING and event.value is None:
        reason = "value is missing; an event of type rating must carry the rating as a number."
        return Fault("missing_value", reason)
    return event_fault(event, terms.rules, terms.now_ms, terms.known_items) or event


def _kept(event: Event) -> EventRecord:
    return EventRecord(
        event.event_id,
        event.user_id,
        event.item_id,
        event.event_type,
        (event.timestamp - _EPOCH) // _MILLISECOND,
        event.value,
        event.recommendation_id,
    )


def _undeclared(event_type: str) -> Fault:
    reason = (
        f"event_type must be one of {', '.join(EventType)}, or a type of your own; declare "
        f"{event_type} by PUT /event-types/{event_type} with its weight, then send the event again."
    )
    return Fault("unknown_event_type", reason)
