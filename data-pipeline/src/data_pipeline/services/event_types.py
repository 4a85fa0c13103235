"""The event types of tenants and their weights."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final

from contracts.events import DEFAULT_WEIGHTS, EventTypeSettings
from data_pipeline.domain.errors import EventTypeNotFound, TooManyEventTypes
from data_pipeline.domain.ports import EventTypeStore
from data_pipeline.load.projection import FeatureProjection

MAX_OWN_TYPES: Final = 100
"""How many event types of its own a tenant may have."""

_MAX_TENANTS: Final = 10_000


class EventTypes:
    """Declares event types and lets the features follow a changed weight.

    The weights of a tenant are read once and kept here, since each batch needs them; each change
    is written through. So one process per database writes weights.
    """

    def __init__(self, store: EventTypeStore, projection: FeatureProjection) -> None:
        self._store = store
        self._projection = projection
        self._known: OrderedDict[str, Mapping[str, float]] = OrderedDict()
        self._lock = asyncio.Lock()

    async def weights(self, tenant_id: str) -> Mapping[str, float]:
        """The weight of every event type that the tenant has. Raises `PortUnavailable`."""
        known = self._known.get(tenant_id)
        if known is not None:
            self._known.move_to_end(tenant_id)
            return known
        async with self._lock:
            return await self._load(tenant_id)

    async def settings(self, tenant_id: str) -> Sequence[EventTypeSettings]:
        """The tenant's event types by name."""
        weights = await self.weights(tenant_id)
        return [_settings(name, weight) for name, weight in sorted(weights.items())]

    async def set(self, tenant_id: str, event_type: str, weight: float) -> EventTypeSettings:
        """Declare an event type, or change the weight of one.

        Where its events begin to count or cease to, the histories follow before this returns.

        Raises:
            TooManyEventTypes, PortUnavailable: nothing was changed.
        """
        async with self._lock:
            known = await self._load(tenant_id)
            own = known.keys() - DEFAULT_WEIGHTS.keys()
            if event_type not in known and len(own) >= MAX_OWN_TYPES:
                raise TooManyEventTypes(
                    f"there are {MAX_OWN_TYPES} event types already: take one back first"
                )
            correction = await self._write(tenant_id, event_type, weight)
        await self._projection.follow(corrections=correction)
        return _settings(event_type, weight)

    async def remove(self, tenant_id: str, event_type: str) -> None:
        """Take a type back; a standard one gets its own weight again.

        The events of a type that was taken back stay, and weigh nothing. Raises
        `EventTypeNotFound`, `PortUnavailable`.
        """
        async with self._lock:
            if event_type not in await self._load(tenant_id):
                raise EventTypeNotFound("there is no such event type: list the event types")
            correction = await self._write(tenant_id, event_type, None)
        await self._projection.follow(corrections=correction)

    async def _write(self, tenant_id: str, event_type: str, weight: float | None) -> int:
        # Forgotten first: whether a write that fails was committed is for the store to say.
        self._known.pop(tenant_id, None)
        return await self._store.set(tenant_id, event_type, weight)

    async def _load(self, tenant_id: str) -> Mapping[str, float]:
        known = {**DEFAULT_WEIGHTS, **await self._store.weights(tenant_id)}
        self._known[tenant_id] = known
        if len(self._known) > _MAX_TENANTS:
            self._known.popitem(last=False)
        return known


def _settings(event_type: str, weight: float) -> EventTypeSettings:
    return EventTypeSettings(
        event_type=event_type, weight=weight, standard=event_type in DEFAULT_WEIGHTS
    )
