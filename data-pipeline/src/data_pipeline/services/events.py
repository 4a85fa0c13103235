"""The stored events, one by one."""

from collections.abc import Sequence

from contracts.events import StoredEvent
from data_pipeline.domain.errors import EventNotFound
from data_pipeline.domain.moments import moment
from data_pipeline.domain.ports import EventArchive
from data_pipeline.domain.records import EventQuery, StoredEventRecord
from data_pipeline.load.projection import FeatureProjection


class Events:
    """Reads and removes events, and lets the features follow. All raise `PortUnavailable`."""

    def __init__(self, archive: EventArchive, projection: FeatureProjection) -> None:
        self._archive = archive
        self._projection = projection

    async def find(self, tenant_id: str, event_id: str) -> StoredEvent:
        """An event. Raises `EventNotFound`."""
        event = await self._archive.find(tenant_id, event_id)
        if event is None:
            raise _not_found()
        return stored_event(event)

    async def page(self, tenant_id: str, query: EventQuery) -> tuple[Sequence[StoredEvent], int]:
        """Events, newest stored first, and the sequence of the last of them, 0 without any."""
        found = await self._archive.page(tenant_id, query)
        return [stored_event(one) for one in found], found[-1].sequence if found else 0

    async def remove(self, tenant_id: str, event_id: str) -> None:
        """Remove an event. Raises `EventNotFound`."""
        correction = await self._archive.remove(tenant_id, event_id)
        if correction is None:
            raise _not_found()
        await self._projection.follow(corrections=correction)


def stored_event(stored: StoredEventRecord) -> StoredEvent:
    """An event as callers get it."""
    event = stored.event
    return StoredEvent(
        event_id=event.event_id,
        user_id=event.user_id,
        item_id=event.item_id,
        event_type=event.event_type,
        timestamp=moment(event.timestamp_ms),
        value=event.value,
        recommendation_id=event.recommendation_id,
        received_at=moment(stored.received_at_ms),
    )


def _not_found() -> EventNotFound:
    return EventNotFound("there is no such event: list the events of its user or item")
