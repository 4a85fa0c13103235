"""How fresh the vectors in memory are: the newest version, with the whole catalogue."""

import time
from collections.abc import Callable

from backends.ports import PortUnavailable
from ml_engine.domain.errors import NothingToRecommend
from ml_engine.registry.registry import ModelRegistry
from ml_engine.retrieval.tenant_models import TenantModels


class Freshness:
    """Remembers when each tenant's vectors were last known to be the newest.

    They are where the registry names their version and the tenant's catalogue is in them. An age
    grows while another replica has deployed a version that this one has not loaded, the first one
    too, and while the registry or the catalogue cannot be read. `clock` is in seconds.
    """

    def __init__(
        self,
        models: TenantModels,
        registry: ModelRegistry,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._models = models
        self._registry = registry
        self._clock = clock
        self._current_at: dict[str, float] = {}

    @property
    def age_seconds(self) -> float:
        """That of the tenant that is worst off, 0 without a model."""
        now = self._clock()
        return max((now - moment for moment in self._current_at.values()), default=0.0)

    async def look(self) -> None:
        """Let each model follow its catalogue, and compare its version with the registry's."""
        try:
            changes = await self._registry.serving_changes()
        except PortUnavailable:
            return
        in_memory = self._models.versions()
        for _, tenant_id, version in changes:
            now = self._clock()
            is_current = version == in_memory.get(tenant_id) and await self._follows(tenant_id)
            if is_current or tenant_id not in self._current_at:
                self._current_at[tenant_id] = now

    async def _follows(self, tenant_id: str) -> bool:
        try:
            await self._models.serving(tenant_id)
        except (NothingToRecommend, PortUnavailable):
            return False
        return True
