"""What serves each tenant, kept up with the registry and the catalogue."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from backends.ports import FeatureReader, ItemContent
from ml_engine.domain.errors import NothingToRecommend
from ml_engine.registry.registry import ModelRegistry
from ml_engine.retrieval.artifact import load_serving_model
from ml_engine.retrieval.serving_model import ServingModel

ITEMS_AT_ONCE = 200
"""Changed items that are taken in before other requests have their turn."""

COUNTS_SHARE = 0.1
"""The most of the time that may go into counting events anew, before the first training."""


@dataclass(slots=True)
class Served:
    """What serves a tenant, and how far it has followed the tenant's catalogue."""

    model: ServingModel
    sequence: int = 0
    following: bool = False
    counts_due: float = 0.0

    def follow(self, changed: Sequence[ItemContent]) -> None:
        """Take in changed items, given in the order of their change."""
        self.model.follow(changed)
        self.sequence = changed[-1].sequence


class TenantModels:
    """Holds what serves each tenant; a swap replaces model, index and catalogue at once."""

    def __init__(self, registry: ModelRegistry, features: FeatureReader) -> None:
        self._registry = registry
        self._features = features
        self._served: dict[str, Served] = {}

    async def prepare(self, tenant_id: str, version: str) -> Served:
        """A version with all items of today in it, ready to serve; nothing changes yet.

        Raises `ModelDamaged`, and `PortUnavailable` where the items cannot be read.
        """
        served = await self.load(tenant_id, version)
        while changed := await self._features.items_after(tenant_id, served.sequence):
            # Nobody else sees it yet, so a thread may fill it beside the requests.
            await asyncio.to_thread(served.follow, changed)
        return served

    async def load(self, tenant_id: str, version: str) -> Served:
        """A version without items, which follow with the first request. Raises `ModelDamaged`."""
        folder = await self._registry.fetch(tenant_id, version)
        return Served(await asyncio.to_thread(load_serving_model, folder, version))

    def swap(self, tenant_id: str, served: Served) -> None:
        """Let what was prepared serve from now on; requests under way end with what they began."""
        self._served[tenant_id] = served

    def versions(self) -> dict[str, str]:
        """The version in memory of each tenant that has a model."""
        return {
            tenant_id: served.model.version
            for tenant_id, served in self._served.items()
            if served.model.personal is not None
        }

    async def serving(self, tenant_id: str) -> ServingModel:
        """What serves the tenant, with the newest items in it; without a model before training.

        Raises `NothingToRecommend` where the tenant has no items and no events.
        """
        served = self._served.get(tenant_id) or Served(ServingModel())
        if not served.following:
            await self._follow(tenant_id, served)
        if served.model.personal is None:
            await self._follow_counts(tenant_id, served)
        if served.model.catalogue.is_empty:
            raise NothingToRecommend("there are no items and no events yet: send some first")
        # A swap while this one followed its catalogue is what serves.
        return self._served.setdefault(tenant_id, served).model

    async def _follow(self, tenant_id: str, served: Served) -> None:
        served.following = True
        try:
            while changed := await self._features.items_after(tenant_id, served.sequence):
                for start in range(0, len(changed), ITEMS_AT_ONCE):
                    served.follow(changed[start : start + ITEMS_AT_ONCE])
                    if len(changed) > ITEMS_AT_ONCE:
                        await asyncio.sleep(0)
        finally:
            served.following = False

    async def _follow_counts(self, tenant_id: str, served: Served) -> None:
        started = time.perf_counter()
        if started < served.counts_due:
            return
        served.model.follow_counts(await self._features.item_counts(tenant_id))
        ended = time.perf_counter()
        served.counts_due = ended + (ended - started) / COUNTS_SHARE
