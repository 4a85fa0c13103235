"""The way of records into the stores, whether they come in batches or in files."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from contracts.imports import DataType
from data_pipeline.domain.ports import CatalogueLog, EventLog, UserStore
from data_pipeline.domain.records import Checked, Stored
from data_pipeline.load.projection import FeatureProjection
from data_pipeline.services.event_types import EventTypes
from data_pipeline.transform.events import check_events
from data_pipeline.transform.items import check_items
from data_pipeline.transform.users import check_users


class Intake:
    """Checks records, stores them and lets the features follow.

    `now_ms` is Unix time in milliseconds. All but `follow` raise `PortUnavailable`.
    """

    def __init__(
        self,
        events: EventLog,
        catalogue: CatalogueLog,
        users: UserStore,
        event_types: EventTypes,
        projection: FeatureProjection,
        now_ms: Callable[[], int],
    ) -> None:
        self._events = events
        self._catalogue = catalogue
        self._users = users
        self._event_types = event_types
        self._projection = projection
        self._now_ms = now_ms

    async def check(
        self, tenant_id: str, data_type: DataType, records: Sequence[Any]
    ) -> Checked[Any]:
        """Part records into valid ones and rejections."""
        # In a thread: ten thousand records would hold up every other request.
        if data_type is DataType.EVENTS:
            event_types = await self._event_types.weights(tenant_id)
            return await asyncio.to_thread(check_events, records, self._now_ms(), event_types)
        check = check_items if data_type is DataType.ITEMS else check_users
        return await asyncio.to_thread(check, records)

    async def store(self, tenant_id: str, data_type: DataType, valid: Sequence[Any]) -> Stored:
        """Store valid records of the type, all or none."""
        log = {
            DataType.EVENTS: self._events.append,
            DataType.ITEMS: self._catalogue.store,
            DataType.USERS: self._users.store,
        }[data_type]
        return await log(tenant_id, valid, self._now_ms())

    async def follow(self, data_type: DataType, stored: Stored) -> None:
        """Let the features follow what was stored; never raises."""
        if data_type is DataType.EVENTS:
            await self._projection.follow(events=stored.last_sequence)
        elif data_type is DataType.ITEMS:
            await self._projection.follow(items=stored.last_sequence)
