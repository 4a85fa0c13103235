"""Events, and their types."""

from collections.abc import Iterable

from pydantic import TypeAdapter

from contracts.events import (
    BatchResult,
    EventBatch,
    EventTypeSettings,
    EventTypeWeight,
    StoredEvent,
)
from contracts.pages import DEFAULT_PAGE, Page
from recommender_client.calls import Call, Plan, fetch, nothing, write
from recommender_client.groups.batches import Record, in_batches
from recommender_client.listings import Pages, pages
from recommender_client.operations import Group, Operation, Paged, RunnerT

_event_page = Page[StoredEvent].model_validate_json
_event_types = TypeAdapter(list[EventTypeSettings])


class Events(Group[RunnerT]):
    """What users did. For events one by one, see `event_buffer` of the client."""

    @Operation
    def send(self, events: Iterable[Record]) -> Plan[BatchResult]:
        """Store events, made by `new_event`, in a request for each 10,000.

        An event that was stored before counts as a duplicate, so sending again is safe; look at
        `rejected` for those that were not stored. A request of which all were rejected raises
        `InvalidRequest`.
        """
        return in_batches(events, lambda rows: EventBatch(events=rows), "events")

    @Operation
    def get(self, event_id: str) -> Call[StoredEvent]:
        """One event."""
        return fetch(StoredEvent.model_validate_json, "events", event_id)

    @Paged
    def list(
        self,
        *,
        user_id: str | None = None,
        item_id: str | None = None,
        page_size: int = DEFAULT_PAGE,
    ) -> Pages[StoredEvent]:
        """Events, newest stored first; of one user or one item where given."""
        return pages(_event_page, "events", page_size=page_size, user_id=user_id, item_id=item_id)

    @Operation
    def delete(self, event_id: str) -> Call[None]:
        """Remove an event: it is recommended from no more."""
        return write("DELETE", nothing, "events", event_id)


class EventTypes(Group[RunnerT]):
    """How much each kind of event says of a user's taste."""

    @Operation
    def list(self) -> Call[list[EventTypeSettings]]:
        """The event types and their weights, by name."""
        return fetch(_event_types.validate_json, "event-types")

    @Operation
    def set(self, event_type: str, weight: float) -> Call[EventTypeSettings]:
        """Declare an event type, or change the weight of one (0 to 100)."""
        body = EventTypeWeight(weight=weight)
        read = EventTypeSettings.model_validate_json
        return write("PUT", read, "event-types", event_type, body=body)

    @Operation
    def delete(self, event_type: str) -> Call[None]:
        """Take a custom type back, or give a standard one its own weight again."""
        return write("DELETE", nothing, "event-types", event_type)
