"""Events as columns: the Arrow schemas that all stages of the pipeline share."""

from typing import Final

import pyarrow as pa

EVENT_SCHEMA: Final = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("event_type", pa.string(), nullable=False),
        pa.field("timestamp", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("recommendation_id", pa.string()),
    ]
)
"""One row for each valid event, as it was sent."""

STORED_EVENT_SCHEMA: Final = pa.schema(
    [
        pa.field("sequence", pa.int64(), nullable=False),
        *EVENT_SCHEMA,
        pa.field("received_at", pa.timestamp("ms", tz="UTC"), nullable=False),
    ]
)
"""One row for each stored event; `sequence` is its place in the log, unique over all tenants."""
