"""Events as the Arrow batches in which they come to the feature store."""

from collections.abc import Iterable, Sequence
from typing import Literal

import pyarrow as pa

from backends.ports import EventUpdate, UserEvent
from data_pipeline.domain.events import STORED_EVENT_SCHEMA

UserEvents = Iterable[tuple[str, UserEvent]]
"""Events with their user ids."""


def event_batch(events: UserEvents) -> pa.RecordBatch:
    """Events as the log gives them."""
    rows = [
        {
            "sequence": event.sequence,
            "event_id": str(event.sequence),
            "user_id": user_id,
            "item_id": event.item_id,
            "event_type": event.event_type,
            "timestamp": event.timestamp_ms,
            "value": event.value,
            "recommendation_id": None,
            "received_at": 0,
        }
        for user_id, event in events
    ]
    return pa.RecordBatch.from_pylist(rows, STORED_EVENT_SCHEMA)


def event_update(
    tenant_id: str,
    events: Sequence[tuple[str, UserEvent]],
    position: int,
    lane: Literal["live", "bulk"] = "live",
) -> EventUpdate:
    """Events of one tenant as an update of the feature store."""
    return EventUpdate(lane, [(tenant_id, event_batch(events))], position)
