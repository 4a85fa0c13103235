"""What the pipeline needs of the outside: logs, records, people, corrections.

All raise `PortUnavailable` where the store is locked, full or gone; nothing of the call is
stored then. Whatever takes events away, or gives them to another user, also marks in the same
transaction what of the features must be corrected; `Corrections` gives the marks out. A merged
id is another name of its user, wherever a user id is given.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import pyarrow as pa

from backends.ports import EventWeights, ItemContent, UserContent
from data_pipeline.domain.deliveries import Lane
from data_pipeline.domain.records import (
    Change,
    CorrectionPage,
    Erased,
    EventFilter,
    EventPage,
    EventQuery,
    ItemRecord,
    LogPage,
    Merged,
    PersonCounts,
    StagedEvents,
    Stored,
    StoredEventRecord,
    TrainingItem,
    UserRecord,
    Versioned,
)


class EventLog(Protocol):
    """Every event once, in the order of its storing: immutable chunks of Arrow rows."""

    def staged(
        self, tenant_id: str, events: pa.RecordBatch, received_at_ms: int, lane: Lane
    ) -> AbstractAsyncContextManager[StagedEvents]:
        """A block in which the new ones of some events (`EVENT_SCHEMA`) are ready to be stored.

        Nobody else stores events of the tenant within it: so it is entered before a transaction
        begins, and left after it. What takes long, as writing an object, is done before the block
        begins. What is not stored in the block leaves no trace.
        """
        ...

    async def store(self, staged: StagedEvents) -> Stored:
        """Store the new ones, in one transaction or in the shared one.

        What it answers is what counts: another replica may have stored some meanwhile.
        """
        ...

    async def read_after(self, lane: Lane, sequence: int, rows: int) -> EventPage:
        """The next events of a lane of all tenants, in order; about `rows` of them, or more.

        A later call never finds one in between. The users are those that the ids were merged into.
        """
        ...

    def scan(
        self, tenant_id: str, columns: Sequence[str], where: EventFilter
    ) -> AsyncGenerator[pa.RecordBatch]:
        """Some columns of a tenant's stored events (`STORED_EVENT_SCHEMA`) at one moment."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where the log cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the log holds."""
        ...


class EventArchive(Protocol):
    """The stored events one by one, and frozen as a whole."""

    async def find(self, tenant_id: str, event_id: str) -> StoredEventRecord | None:
        """An event by its id."""
        ...

    async def page(self, tenant_id: str, query: EventQuery) -> Sequence[StoredEventRecord]:
        """Events, newest stored first."""
        ...

    async def remove(self, tenant_id: str, event_id: str) -> int | None:
        """Remove an event; the sequence that the features must reach, None if there is none."""
        ...

    def training_events(self, tenant_id: str, rows: int) -> AsyncGenerator[pa.RecordBatch]:
        """A tenant's events at one moment by user, time and content, `rows` at a time.

        The columns are sequence, user_id, item_id, event_type, timestamp and value.
        """
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where events cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the archive holds."""
        ...


class EventTypeStore(Protocol):
    """The weights that tenants gave to event types."""

    async def weights(self, tenant_id: str) -> Mapping[str, float]:
        """The weights that differ from the standard, by event type."""
        ...

    async def set(self, tenant_id: str, event_type: str, weight: float | None) -> int:
        """Give a type a weight, None for that of the standard.

        Returns the sequence that the features must reach.
        """
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where weights cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class CatalogueLog(Protocol):
    """The newest state of every item, in the order of the changes."""

    async def store(
        self, tenant_id: str, items: Sequence[ItemRecord], updated_at_ms: int
    ) -> Stored:
        """Create or replace items in one transaction; one that changes nothing is a duplicate."""
        ...

    async def read_after(self, sequence: int, limit: int) -> LogPage[ItemContent]:
        """The next changed items of all tenants, in order; removed ones come once more."""
        ...

    def items_of(self, tenant_id: str, chunk: int) -> AsyncGenerator[Sequence[TrainingItem]]:
        """A tenant's items at one moment, `chunk` at a time, by id."""
        ...

    async def existing(self, tenant_id: str, item_ids: Collection[str]) -> set[str]:
        """Those of the ids that items have."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where the catalogue cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the catalogue holds."""
        ...


class ItemStore(Protocol):
    """The items of the catalogue one by one."""

    async def find(self, tenant_id: str, item_id: str) -> Versioned[ItemRecord] | None:
        """An item by its id."""
        ...

    async def page(
        self, tenant_id: str, after: str | None, limit: int
    ) -> Sequence[Versioned[ItemRecord]]:
        """Items by id, those after the id `after`."""
        ...

    async def change(
        self,
        tenant_id: str,
        item_id: str,
        change: Callable[[Versioned[ItemRecord] | None], ItemRecord | None],
        updated_at_ms: int,
    ) -> Change[ItemRecord] | int:
        """Replace an item by what `change` makes of it, in one transaction.

        None removes it, and then the answer is the sequence of the removal. Whatever `change`
        raises leaves everything as it was.
        """
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where items cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class UserLog(Protocol):
    """The newest state of every user's profile, in the order of the changes."""

    async def store(
        self, tenant_id: str, users: Sequence[UserRecord], updated_at_ms: int
    ) -> Stored:
        """Create or replace users in one transaction; one that changes nothing is a duplicate."""
        ...

    async def read_after(self, sequence: int, limit: int) -> LogPage[UserContent]:
        """The next changed profiles of all tenants, in order.

        One that was removed does not come again: a correction tells of it.
        """
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where profiles cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the log holds."""
        ...


class UserStore(Protocol):
    """The users' profiles one by one."""

    async def find(self, tenant_id: str, user_id: str) -> Versioned[UserRecord] | None:
        """A user; one of whom there are events only has version 0 and no attributes."""
        ...

    async def page(
        self, tenant_id: str, after: str | None, limit: int
    ) -> Sequence[Versioned[UserRecord]]:
        """Users with a profile by id, those after the id `after`."""
        ...

    async def change(
        self,
        tenant_id: str,
        user_id: str,
        change: Callable[[Versioned[UserRecord] | None], UserRecord],
        updated_at_ms: int,
    ) -> Change[UserRecord]:
        """Replace a user by what `change` makes of what `find` finds, in one transaction."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where profiles cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class PersonStore(Protocol):
    """Which ids are one person, and everything that is stored of a person."""

    async def ids(self, tenant_id: str, user_id: str) -> Sequence[str]:
        """The ids of the person that has this one: the user's, then those merged into it."""
        ...

    async def merge(
        self, tenant_id: str, from_user_id: str, user_id: str, updated_at_ms: int
    ) -> Merged:
        """Make one id another name of a user, with its events and its profile.

        Raises:
            MergeCycle: both are the same person's, the other way round.
            AlreadyMerged: the id is another user's.
        """
        ...

    async def erase(self, tenant_id: str, user_ids: Sequence[str]) -> Erased:
        """Remove the events, profiles and merged ids of a person in one transaction."""
        ...

    async def verify_erased(self, tenant_id: str, user_ids: Sequence[str]) -> PersonCounts:
        """See to it that what was removed can be read on no disk, then count what is left."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where people cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class Corrections(Protocol):
    """Marks of what the features must correct, in the order of the changes that made them.

    A mark names a user, an item or a tenant's weights. What becomes of it is read from the log
    when it is asked for, so the order of marks and events does not matter, nor does a second
    time.
    """

    async def due(self, after: int, upto: Mapping[Lane, int], limit: int) -> CorrectionPage:
        """What the next marks after the sequence `after` ask for; `limit` of them at most.

        Histories and counts are of the events that each lane has up to its sequence in `upto`,
        users with the attributes of their profiles as they are now.
        """
        ...

    async def remove(self, sequence: int) -> None:
        """Forget the marks up to `sequence`: they may name a user who was erased."""
        ...

    async def weights(self, tenant_ids: Collection[str] | None = None) -> Sequence[EventWeights]:
        """All weights of those tenants that changed some: of these tenants, or of all."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where marks cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...
