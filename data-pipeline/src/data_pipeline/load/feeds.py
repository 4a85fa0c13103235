"""The logs that the features follow, each page of them as an update of the feature store."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import pyarrow as pa

from backends.ports import EventUpdate, EventWeights, ItemUpdate, Update, UserUpdate
from data_pipeline.domain.deliveries import Lane
from data_pipeline.domain.ports import CatalogueLog, Corrections, EventLog, UserLog
from data_pipeline.load.backlog import Backlog
from data_pipeline.load.weighing import weighing

EVENT_ROWS: Final = {Lane.LIVE: 50_000, Lane.BULK: 250_000}
"""How many events are read at once, or some more: the more, the fewer times a user is written."""

RECORDS: Final = 10_000
"""How many items or profiles are read at once."""

IN_PLACE: Final = 10_000
"""Up to so many events are looked through in the event loop's thread."""

FeedName = Literal["live", "bulk", "items", "users"]


class FeedPage(NamedTuple):
    """What a log has after a position: None where that is nothing.

    `oldest_ms` is when the first of it arrived, where the log knows.
    """

    update: Update | None
    more: bool
    oldest_ms: int | None = None


NOTHING: Final = FeedPage(None, more=False)


@dataclass(slots=True)
class Feed:
    """One log, and how far the features are behind it."""

    name: FeedName
    read: Callable[[int], Awaitable[FeedPage]]
    backlog: Backlog = field(default_factory=Backlog)


class Feeds:
    """All feeds by name. Reading them raises `PortUnavailable`."""

    def __init__(
        self,
        events: EventLog,
        catalogue: CatalogueLog,
        users: UserLog,
        corrections: Corrections,
    ) -> None:
        self._events = events
        self._catalogue = catalogue
        self._users = users
        self._corrections = corrections
        self.live = Feed("live", lambda after: self._read_events(Lane.LIVE, after))
        self.bulk = Feed("bulk", lambda after: self._read_events(Lane.BULK, after))
        self.items = Feed("items", self._read_items)
        self.users = Feed("users", self._read_users)

    @property
    def prompt(self) -> Sequence[Feed]:
        """Those that are followed before a request is answered."""
        return self.live, self.items, self.users

    async def _read_events(self, lane: Lane, after: int) -> FeedPage:
        page = await self._events.read_after(lane, after, EVENT_ROWS[lane])
        if page.last_sequence <= after:
            return FeedPage(None, page.more)
        # After the events, so that the weights are no older than they are.
        tenant_ids = {tenant_id for tenant_id, _ in page.batches}
        weights = await self._corrections.weights(tenant_ids)
        batches = await _weighing(page.batches, weights)
        update = EventUpdate(lane.value, batches, page.last_sequence, after)
        return FeedPage(update, page.more, _arrival(page.batches))

    async def _read_items(self, after: int) -> FeedPage:
        page = await self._catalogue.read_after(after, RECORDS)
        update = ItemUpdate(page.records, page.last_sequence, after)
        return FeedPage(update if page.last_sequence > after else None, page.more)

    async def _read_users(self, after: int) -> FeedPage:
        page = await self._users.read_after(after, RECORDS)
        update = UserUpdate(page.records, page.last_sequence, after)
        return FeedPage(update if page.last_sequence > after else None, page.more)


async def _weighing(
    batches: Sequence[tuple[str, pa.RecordBatch]], weights: Sequence[EventWeights]
) -> Sequence[tuple[str, pa.RecordBatch]]:
    if sum(len(batch) for _, batch in batches) <= IN_PLACE:
        return weighing(batches, weights)
    return await asyncio.to_thread(weighing, batches, weights)


def _arrival(batches: Sequence[tuple[str, pa.RecordBatch]]) -> int | None:
    for _, batch in batches:
        if len(batch):
            return batch.column("received_at")[0].value
    return None
