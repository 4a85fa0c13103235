"""What a batch of events says, as far as backend-api heeds it; data-pipeline validates it."""

from collections.abc import Container, Sequence
from typing import Final, NamedTuple, cast

import orjson

MAX_HEEDED_BYTES: Final = 256 * 1024
"""Larger batches are history that is being loaded, not what users do now: nobody heeds them."""


class SentEvent(NamedTuple):
    """One event of a batch."""

    user_id: str
    item_id: str
    event_type: str
    recommendation_id: str | None


def sent_events(batch: bytes, rejected: Container[int] = ()) -> Sequence[SentEvent]:
    """The events of a batch, which is JSON, but for the places of those that were rejected."""
    if len(batch) > MAX_HEEDED_BYTES:
        return []
    try:
        records = orjson.loads(batch)["events"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return []
    if not isinstance(records, list):
        return []
    found: list[SentEvent] = []
    for place, record in enumerate(cast("list[object]", records)):
        event = None if place in rejected else _event(record)
        if event is not None:
            found.append(event)
    return found


def _event(record: object) -> SentEvent | None:
    if not isinstance(record, dict):
        return None
    fields = cast("dict[str, object]", record)
    user_id, item_id = fields.get("user_id"), fields.get("item_id")
    event_type, recommendation_id = fields.get("event_type"), fields.get("recommendation_id")
    if not (isinstance(user_id, str) and isinstance(item_id, str) and isinstance(event_type, str)):
        return None
    named = recommendation_id if isinstance(recommendation_id, str) else None
    return SentEvent(user_id, item_id, event_type, named)
