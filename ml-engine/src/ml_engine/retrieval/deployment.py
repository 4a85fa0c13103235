"""Deployment: which of a tenant's models serves, in the registry and in memory as one."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable

from contracts.training import ModelVersion
from ml_engine.domain.errors import ModelDamaged, NothingToRollBackTo
from ml_engine.registry.registry import ModelRegistry
from ml_engine.retrieval.tenant_models import TenantModels

Observer = Callable[[ModelVersion], None]
"""Told of each model that begins to serve."""

_logger = logging.getLogger(__name__)


class Deployment:
    """Lets models serve, one change of a tenant at a time.

    A model is loaded before the registry names it: one that cannot be loaded never serves.
    """

    def __init__(self, registry: ModelRegistry, models: TenantModels, observer: Observer) -> None:
        self._registry = registry
        self._models = models
        self._observer = observer
        self._changing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def start(self) -> None:
        """Serve what the registry says was serving; a damaged model costs its own tenant alone."""
        for tenant_id in await self._registry.tenants():
            record = await self._registry.serving(tenant_id)
            try:
                served = await self._models.prepare(tenant_id, record.model_version)
            except ModelDamaged as error:
                fields = {"category": "ml", "model_version": record.model_version}
                _logger.error("%s is served without its model: %s", tenant_id, error, extra=fields)  # noqa: TRY400
                continue
            self._models.swap(tenant_id, served)
            self._observer(record)

    async def activate(self, tenant_id: str, version: str) -> ModelVersion:
        """Let a version serve. Raises `ModelNotFound` and `ModelDamaged`."""
        # A tenant of whom nothing is known gets no lock, else made-up ones would pile up.
        await self._registry.record(tenant_id, version)
        async with self._changing[tenant_id]:
            served = await self._models.prepare(tenant_id, version)
            await self._registry.promote(tenant_id, version)
            self._models.swap(tenant_id, served)
            return await self._told(tenant_id, version)

    async def roll_back(self, tenant_id: str) -> ModelVersion:
        """Let the version serve again that served before.

        Raises `NothingToRollBackTo` and `ModelDamaged`.
        """
        if await self._registry.serving_version(tenant_id) is None:
            raise NothingToRollBackTo("no model serves yet: train one")
        async with self._changing[tenant_id]:
            history = await self._registry.serving_history(tenant_id)
            if len(history) < 2:
                raise NothingToRollBackTo("no other model served before: activate one by its name")
            served = await self._models.prepare(tenant_id, history[1])
            await self._registry.retreat(tenant_id)
            self._models.swap(tenant_id, served)
            return await self._told(tenant_id, history[1])

    async def _told(self, tenant_id: str, version: str) -> ModelVersion:
        record = await self._registry.record(tenant_id, version)
        self._observer(record)
        return record
