"""Scenarios: named presets of ranking options, one set per tenant."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from backend_api.domain.expiring import ExpiringMap
from backend_api.domain.product_errors import InvalidScenario, ScenarioNotFound
from backend_api.domain.product_ports import ScenarioStore
from contracts.public.recommendations import Scenario
from contracts.recommendations import RankingOptions

CACHE_SECONDS: Final = 5.0
"""How long another replica may go on using a scenario that was changed here."""
_MAX_CACHED: Final = 10_000
OptionsT = TypeVar("OptionsT", bound=RankingOptions)


class ScenarioService:
    """Keeps scenarios, those in use in memory; `clock` is in seconds."""

    def __init__(self, store: ScenarioStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        # An empty list stands for a scenario that is known not to be there.
        self._cached: ExpiringMap[tuple[str, str], list[Scenario]] = ExpiringMap(
            max_weight=_MAX_CACHED, ttl_seconds=CACHE_SECONDS, clock=clock
        )

    async def put(self, tenant_id: str, scenario: Scenario) -> bool:
        """Create or replace a scenario; whether it is new."""
        known = await self._store.find(tenant_id, scenario.name)
        await self._store.put(tenant_id, scenario)
        self._cached.put((tenant_id, scenario.name), [scenario])
        return known is None

    async def get(self, tenant_id: str, name: str) -> Scenario:
        """One scenario. Raises `ScenarioNotFound`."""
        found = self._cached.get((tenant_id, name))
        if found is None:
            stored = await self._store.find(tenant_id, name)
            found = [stored] if stored else []
            self._cached.put((tenant_id, name), found)
        if not found:
            raise ScenarioNotFound(name)
        return found[0]

    async def list_after(self, tenant_id: str, name: str, limit: int) -> Sequence[Scenario]:
        """Up to `limit` scenarios whose names sort after `name`."""
        return await self._store.list_after(tenant_id, name, limit)

    async def delete(self, tenant_id: str, name: str) -> None:
        """Forget a scenario. Raises `ScenarioNotFound`."""
        try:
            await self._store.delete(tenant_id, name)
        finally:
            self._cached.put((tenant_id, name), [])

    async def applied(
        self, tenant_id: str, name: str, request: OptionsT, model: type[OptionsT]
    ) -> OptionsT:
        """The request with the options of a scenario where it sets none itself.

        Raises:
            ScenarioNotFound: the tenant has no such scenario.
            InvalidScenario: the two do not go together.
        """
        preset = (await self.get(tenant_id, name)).options
        merged: dict[str, Any] = {
            **{field: getattr(preset, field) for field in preset.model_fields_set},
            **{field: getattr(request, field) for field in request.model_fields_set},
        }
        try:
            return model.model_validate(merged)
        except ValidationError as error:
            raise InvalidScenario(error.errors()[0]["msg"]) from error
