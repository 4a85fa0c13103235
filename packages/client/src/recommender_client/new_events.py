"""Events to send, with an id and a time of their own where none is given."""

import secrets
import time
from datetime import UTC, datetime
from uuid import UUID

from pydantic import ValidationError

from contracts.events import Event
from recommender_client.errors import InvalidArguments


def new_event(
    user_id: str,
    item_id: str,
    event_type: str,
    *,
    timestamp: datetime | None = None,
    value: float | None = None,
    recommendation_id: str | None = None,
    event_id: str | None = None,
) -> Event:
    """An event of now, unless a time is given, with a new id (UUID7) unless one is given.

    The id makes it safe to send the event again: it counts once.

    Raises:
        InvalidArguments: such as an empty id, or a time without a zone.
    """
    try:
        return Event(
            event_id=event_id or new_event_id(),
            user_id=user_id,
            item_id=item_id,
            event_type=event_type,
            timestamp=timestamp or datetime.now(UTC),
            value=value,
            recommendation_id=recommendation_id,
        )
    except ValidationError as error:
        raise InvalidArguments.of(error) from None


def new_event_id() -> str:
    """A UUID of version 7 (RFC 9562): its order is that of time, to the millisecond."""
    milliseconds = time.time_ns() // 1_000_000
    number = (milliseconds & (1 << 48) - 1) << 80 | secrets.randbits(80)
    number &= ~(0xF << 76 | 0x3 << 62)
    return str(UUID(int=number | 0x7 << 76 | 0x2 << 62))
