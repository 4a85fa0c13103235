"""Which model serves each tenant, kept up with the registry and the catalogue."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from backends.ports import FeatureReader
from backends.ports import ItemContent as StoredItem
from ml_engine.domain.interactions import ItemContent
from ml_engine.registry.registry import ModelRegistry
from ml_engine.retrieval.artifact import load_serving_model
from ml_engine.retrieval.serving_model import ServingModel


@dataclass(slots=True)
class _Served:
    """A tenant's serving model and how far it has followed the tenant's catalogue."""

    model: ServingModel
    sequence: int = 0

    def follow(self, changed: Sequence[StoredItem]) -> None:
        contents = [(i.item_id, ItemContent(i.title, i.categories, i.year)) for i in changed]
        self.model.follow(contents)
        self.sequence = changed[-1].sequence


class TenantModels:
    """Holds one serving model per tenant; a swap replaces model and index at once."""

    def __init__(self, registry: ModelRegistry, features: FeatureReader) -> None:
        self._registry = registry
        self._features = features
        self._served: dict[str, _Served] = {}

    async def load_all(self) -> None:
        """Load what the registry says is serving."""
        for tenant_id in await self._registry.tenants():
            await self.reload(tenant_id)

    async def reload(self, tenant_id: str) -> None:
        """Serve the version that the registry names; nothing changes where it names none."""
        version = await self._registry.serving_version(tenant_id)
        if version is None:
            return
        folder = await self._registry.fetch(tenant_id, version)
        model = await asyncio.to_thread(load_serving_model, folder, version)
        self._served[tenant_id] = _Served(model)

    async def serving(self, tenant_id: str) -> ServingModel | None:
        """The tenant's model with the newest items in it, None before the first training."""
        served = self._served.get(tenant_id)
        if served is None:
            return None
        changed = await self._features.items_after(tenant_id, served.sequence)
        if changed:
            served.follow(changed)
        return served.model
