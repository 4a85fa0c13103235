"""What the pipeline needs of the outside: the event log and the catalogue.

Both raise `PortUnavailable` where the store is locked, full or gone; nothing of the call is
stored then.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from backends.ports import ItemContent, UserEvent
from data_pipeline.domain.records import (
    EventRecord,
    ItemRecord,
    LogPage,
    Stored,
    TrainingEvent,
)


class EventLog(Protocol):
    """Every event once, in the order of its storing."""

    async def append(
        self, tenant_id: str, events: Sequence[EventRecord], received_at_ms: int
    ) -> Stored:
        """Store events in one transaction; the first of an id wins, the others are duplicates."""
        ...

    async def read_after(self, sequence: int, limit: int) -> LogPage[UserEvent]:
        """The next events of all tenants, in order; a later call never finds one in between."""
        ...

    def training_events(
        self, tenant_id: str, chunk: int
    ) -> AsyncGenerator[Sequence[TrainingEvent]]:
        """A tenant's events at one moment, `chunk` at a time, by user, time and content."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where the log cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the log holds."""
        ...


class CatalogueLog(Protocol):
    """The newest state of every item, in the order of the changes."""

    async def store(self, tenant_id: str, items: Sequence[ItemRecord]) -> Stored:
        """Create or replace items in one transaction; one that changes nothing is a duplicate."""
        ...

    async def read_after(self, sequence: int, limit: int) -> LogPage[ItemContent]:
        """The next changed items of all tenants, in order."""
        ...

    def items_of(self, tenant_id: str, chunk: int) -> AsyncGenerator[Sequence[ItemRecord]]:
        """A tenant's items at one moment, `chunk` at a time, by id."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where the catalogue cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the catalogue holds."""
        ...
