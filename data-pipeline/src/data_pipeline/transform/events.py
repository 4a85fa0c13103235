"""Validates events one by one."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from contracts.events import Event, EventType, RejectedRecord
from data_pipeline.domain.records import Checked, EventRecord
from data_pipeline.transform.rejections import RecordKind

MAX_AHEAD_MS: Final = 5 * 60 * 1000
"""How far a caller's clock may be ahead of ours."""

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


def check_events(
    records: Sequence[Any], now_ms: int, event_types: Collection[str]
) -> Checked[EventRecord]:
    """Part a batch into valid events and rejections.

    `now_ms` is Unix time in milliseconds, `event_types` are those that the tenant has.
    """
    valid: list[EventRecord] = []
    rejected: list[RejectedRecord] = []
    for index, record in enumerate(records):
        checked = _check(index, record, now_ms, event_types)
        if isinstance(checked, EventRecord):
            valid.append(checked)
        else:
            rejected.append(checked)
    return Checked(valid, rejected)


def _check(
    index: int, record: Any, now_ms: int, event_types: Collection[str]
) -> EventRecord | RejectedRecord:
    try:
        event = _ADAPTER.validate_python(record)
    except ValidationError as error:
        return _KIND.rejection(index, error)
    if event.event_type not in event_types:
        return _undeclared(index, event.event_type)
    timestamp_ms = (event.timestamp - _EPOCH) // _MILLISECOND
    if timestamp_ms > now_ms + MAX_AHEAD_MS:
        reason = "timestamp must be no more than 5 minutes in the future."
        return RejectedRecord(index=index, code="timestamp_in_future", reason=reason)
    if event.event_type == EventType.RATING and event.value is None:
        reason = "value is missing; an event of type rating must carry the rating as a number."
        return RejectedRecord(index=index, code="missing_value", reason=reason)
    return EventRecord(
        event.event_id,
        event.user_id,
        event.item_id,
        event.event_type,
        timestamp_ms,
        event.value,
        event.recommendation_id,
    )


def _undeclared(index: int, event_type: str) -> RejectedRecord:
    reason = (
        f"event_type must be one of {', '.join(EventType)}, or a type of your own; declare "
        f"{event_type} by PUT /event-types/{event_type} with its weight, then send the event again."
    )
    return RejectedRecord(index=index, code="unknown_event_type", reason=reason)
