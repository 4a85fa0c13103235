"""Who is one person: merges, and everything that is stored of a person."""

from collections.abc import Callable
from typing import Final

from backends.ports import FeatureReader
from contracts.events import History, HistoryEvent, StoredEvent
from contracts.users import UserData, UserMerged
from data_pipeline.domain.errors import UserNotFound
from data_pipeline.domain.ports import EventArchive, PersonStore, UserStore
from data_pipeline.domain.records import EventQuery
from data_pipeline.domain.users import stored_user
from data_pipeline.load.projection import FeatureProjection
from data_pipeline.services.events import stored_event
from data_pipeline.services.quarantine import QuarantinedRecords

PAGE: Final = 1_000


class People:
    """Merges ids and reads what is stored of a person, under whichever of the ids it is asked."""

    def __init__(
        self,
        store: PersonStore,
        users: UserStore,
        archive: EventArchive,
        quarantine: QuarantinedRecords,
        features: FeatureReader,
        projection: FeatureProjection,
        now_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._users = users
        self._archive = archive
        self._quarantine = quarantine
        self._features = features
        self._projection = projection
        self._now_ms = now_ms

    async def merge(self, tenant_id: str, from_user_id: str, user_id: str) -> UserMerged:
        """Make a session's events the user's, now and in future; again is no error.

        What the session's profile says goes to the user's where that says nothing.

        Raises:
            MergeCycle, AlreadyMerged, PortUnavailable: nothing was merged.
        """
        merged = await self._store.merge(tenant_id, from_user_id, user_id, self._now_ms())
        await self._projection.follow(corrections=merged.correction)
        return UserMerged(
            user_id=merged.user_id, from_user_id=from_user_id, events_moved=merged.events_moved
        )

    async def history(self, tenant_id: str, user_id: str) -> History:
        """The recent events that weigh something, oldest first. Raises `PortUnavailable`."""
        owner, *_ = await self._store.ids(tenant_id, user_id)
        events = [
            HistoryEvent(
                item_id=event.item_id,
                event_type=event.event_type,
                timestamp_ms=event.timestamp_ms,
                value=event.value,
            )
            for event in (await self._features.user(tenant_id, owner)).events
        ]
        return History(user_id=user_id, events=events)

    async def data(self, tenant_id: str, user_id: str) -> UserData:
        """Everything stored of a person, newest events first.

        Raises:
            UserNotFound: nothing at all is.
            PortUnavailable: the store cannot be read.
        """
        owner, *merged = await self._store.ids(tenant_id, user_id)
        user = await self._users.find(tenant_id, owner)
        waiting = await self._quarantine.of_users(tenant_id, [owner, *merged])
        if user is None and not merged and not waiting:
            raise UserNotFound("nothing is stored of such a user: check the id")
        return UserData(
            user_id=owner,
            profile=stored_user(user) if user is not None and user.version else None,
            merged_from=merged,
            events=await self._events(tenant_id, owner),
            quarantined=list(waiting),
        )

    async def _events(self, tenant_id: str, user_id: str) -> list[StoredEvent]:
        found: list[StoredEvent] = []
        before: int | None = None
        while True:
            query = EventQuery(PAGE, before, user_id)
            page = await self._archive.page(tenant_id, query)
            found += map(stored_event, page)
            if len(page) < PAGE:
                return found
            before = page[-1].sequence
