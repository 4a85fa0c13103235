"""The weights of events, in SQL."""

import sqlalchemy as sa

from contracts.events import DEFAULT_WEIGHTS
from data_pipeline.adapters.tables import event_types, events

weighted_events = events.outerjoin(
    event_types,
    sa.and_(
        event_types.c.tenant_id == events.c.tenant_id,
        event_types.c.event_type == events.c.event_type,
    ),
)
"""Events beside the weights that their tenants gave to their types."""

counts = sa.func.coalesce(
    event_types.c.weight > 0,
    # A type that is declared no more weighs nothing.
    events.c.event_type.in_(name for name, weight in DEFAULT_WEIGHTS.items() if weight > 0),
)
"""Whether an event of `weighted_events` has a weight above 0."""
