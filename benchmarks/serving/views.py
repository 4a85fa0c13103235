"""Events for the feature store, as the log gives them."""

from collections.abc import Sequence
from typing import Literal

import pyarrow as pa

from backends.ports import EventUpdate


def views(
    tenant_id: str,
    events: Sequence[tuple[str, str, int]],
    position: int,
    lane: Literal["live", "bulk"] = "live",
) -> EventUpdate:
    """Views of a tenant's items: user id, item id and Unix milliseconds each.

    `position` is the sequence of the last of them.
    """
    users, items, times = zip(*events, strict=True)
    batch = pa.RecordBatch.from_pydict(
        {
            "sequence": pa.array(range(position - len(events) + 1, position + 1), pa.int64()),
            "user_id": users,
            "item_id": items,
            "event_type": ["view"] * len(events),
            "timestamp": pa.array(times, pa.timestamp("ms", tz="UTC")),
            "value": pa.nulls(len(events), pa.float64()),
        }
    )
    return EventUpdate(lane, [(tenant_id, batch)], position)
