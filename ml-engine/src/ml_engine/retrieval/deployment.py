"""Deployment: which of a tenant's models serves, in the registry and in memory as one."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Final

from backends.ports import PortUnavailable
from contracts.training import ModelVersion
from ml_engine.domain.errors import ModelDamaged, ModelNotFound, NothingToRollBackTo
from ml_engine.registry.ports import ServingChange
from ml_engine.registry.registry import ModelRegistry
from ml_engine.retrieval.tenant_models import Served, TenantModels

Observer = Callable[[ModelVersion], None]
"""Told of each model that begins to serve here."""

_Prepare = Callable[[str, str], Awaitable[Served]]

FOLLOW_SECONDS: Final = 1.0
"""How often a replica asks which versions were let serve by others: one indexed query for all."""

LOADS_AT_ONCE: Final = 2
"""Models that are loaded beside each other: each is in memory twice until it serves."""

_logger = logging.getLogger(__name__)


class Deployment:
    """Lets models serve, one change of a tenant at a time, and follows what other replicas let.

    A model is loaded before the registry names it: one that cannot be loaded never serves. What
    the registry names is the truth: the replicas' memories follow it by the changes' sequence.
    """

    def __init__(self, registry: ModelRegistry, models: TenantModels, observer: Observer) -> None:
        self._registry = registry
        self._models = models
        self._observer = observer
        self._changing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._loading = asyncio.Semaphore(LOADS_AT_ONCE)
        self._read_to = 0
        # The change after which each tenant's model in memory, or its being damaged, is the truth.
        self._followed: dict[str, int] = {}

    async def start(self) -> None:
        """Serve what the registry names; a damaged model costs its own tenant alone."""
        for change in await self._registry.serving_changes():
            await self._follow(change, self._prepare_even_without_items)
            self._read_to = change.sequence

    async def follow(self) -> None:
        """Let serve here what other replicas let serve, until cancelled."""
        async with asyncio.TaskGroup() as loads:
            while True:
                for change in await self._news():
                    loads.create_task(self._follow_in_time(change))
                    self._read_to = change.sequence
                await asyncio.sleep(FOLLOW_SECONDS)

    async def activate(self, tenant_id: str, version: str) -> ModelVersion:
        """Let a version serve. Raises `ModelNotFound` and `ModelDamaged`."""
        # A tenant of whom nothing is known gets no lock, else made-up ones would pile up.
        record = await self._registry.record(tenant_id, version)
        async with self._changing[tenant_id]:
            served = await self._models.prepare(tenant_id, version)
            sequence = await self._registry.promote(tenant_id, version)
            return self._swap(record, served, sequence)

    async def roll_back(self, tenant_id: str) -> ModelVersion:
        """Let the version serve again that served before.

        Raises `NothingToRollBackTo` and `ModelDamaged`.
        """
        if await self._registry.serving_version(tenant_id) is None:
            raise NothingToRollBackTo("no model serves yet: train one")
        async with self._changing[tenant_id]:
            while True:
                history = await self._registry.serving_history(tenant_id)
                if len(history) < 2:
                    reason = "no other model served before: activate one by its name"
                    raise NothingToRollBackTo(reason)
                record = await self._registry.record(tenant_id, history[1])
                served = await self._models.prepare(tenant_id, history[1])
                # 0 where another replica has let another version serve meanwhile.
                if sequence := await self._registry.retreat(tenant_id, history):
                    return self._swap(record, served, sequence)

    async def _news(self) -> list[ServingChange]:
        try:
            return list(await self._registry.serving_changes(self._read_to))
        except PortUnavailable:
            # Models that serve are in memory; what has changed is seen when it can be read again.
            return []

    async def _follow_in_time(self, change: ServingChange) -> None:
        while True:
            try:
                return await self._follow(change, self._models.prepare)
            except PortUnavailable as error:
                fields = {"category": "ml", "model_version": change.version}
                _logger.warning("the next model cannot be fetched yet: %s", error, extra=fields)
                await asyncio.sleep(FOLLOW_SECONDS)
            except Exception:
                return _logger.exception("a model that another replica let serve was not loaded")

    async def _follow(self, change: ServingChange, prepare: _Prepare) -> None:
        sequence, tenant_id, version = change
        async with self._changing[tenant_id]:
            if sequence <= self._followed.get(tenant_id, 0):
                return
            if self._models.versions().get(tenant_id) == version:
                self._followed[tenant_id] = sequence
                return
            try:
                async with self._loading:
                    record = await self._registry.record(tenant_id, version)
                    served = await prepare(tenant_id, version)
            except (ModelDamaged, ModelNotFound) as error:
                fields = {"category": "ml", "model_version": version}
                _logger.error("%s is served without its model: %s", tenant_id, error, extra=fields)  # noqa: TRY400
                self._followed[tenant_id] = sequence
            else:
                self._swap(record, served, sequence)

    async def _prepare_even_without_items(self, tenant_id: str, version: str) -> Served:
        try:
            return await self._models.prepare(tenant_id, version)
        except PortUnavailable as error:
            _logger.warning("%s is served without its items for now: %s", tenant_id, error)
            return await self._models.load(tenant_id, version)

    def _swap(self, record: ModelVersion, served: Served, sequence: int) -> ModelVersion:
        self._models.swap(record.tenant_id, served)
        self._followed[record.tenant_id] = sequence
        self._observer(record)
        return record.model_copy(update={"serving": True})
