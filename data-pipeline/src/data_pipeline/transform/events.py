"""Validates events one by one."""

from collections.abc import Sequence
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
        "event_type": f"one of {', '.join(EventType)}",
        "timestamp": "a time as RFC 3339 with an offset, or as Unix seconds",
        "value": "a number from -1e9 to 1e9, or null",
    },
)


def check_events(records: Sequence[Any], now_ms: int) -> Checked[EventRecord]:
    """Part a batch into valid events and rejections; `now_ms` is Unix time in milliseconds."""
    valid: list[EventRecord] = []
    rejected: list[RejectedRecord] = []
    for index, record in enumerate(records):
        checked = _check(index, record, now_ms)
        if isinstance(checked, EventRecord):
            valid.append(checked)
        else:
            rejected.append(checked)
    return Checked(valid, rejected)


def _check(index: int, record: Any, now_ms: int) -> EventRecord | RejectedRecord:
    try:
        event = _ADAPTER.validate_python(record)
    except ValidationError as error:
        return _KIND.rejection(index, error)
    timestamp_ms = (event.timestamp - _EPOCH) // _MILLISECOND
    if timestamp_ms > now_ms + MAX_AHEAD_MS:
        reason = "timestamp must be no more than 5 minutes in the future."
        return RejectedRecord(index=index, code="timestamp_in_future", reason=reason)
    if event.event_type is EventType.RATING and event.value is None:
        reason = "value is missing; an event of type rating must carry the rating as a number."
        return RejectedRecord(index=index, code="missing_value", reason=reason)
    return EventRecord(
        event.event_id,
        event.user_id,
        event.item_id,
        event.event_type.value,
        timestamp_ms,
        event.value,
    )
