"""Retention: which of a tenant's models are kept, and how the others go."""

import asyncio
import logging
from contextlib import AbstractContextManager
from typing import Final, Protocol

from backends.ports import PortUnavailable
from backends.waiting import happened
from ml_engine.registry.ports import Mark, VersionMarks
from ml_engine.registry.registry import ModelRegistry

SWEEP_SECONDS: Final = 60.0
"""How often what a removal has left, and copies that nobody reads, are looked for."""

_logger = logging.getLogger(__name__)


class RetentionObserver(Protocol):
    """Told of every removal."""

    def removal(self, tenant_id: str, version: str) -> AbstractContextManager[None]:
        """A version is removed in this block, or it raises."""
        ...


class Retention:
    """Keeps of each tenant the `kept` newest models, and of the older ones those that serve, served
    just before or are pinned.

    A version that goes is marked first: from then on it is gone for all, and whoever is killed in
    the midst of its removal leaves a mark by which any replica finishes it.
    """

    def __init__(
        self, registry: ModelRegistry, marks: VersionMarks, kept: int, observer: RetentionObserver
    ) -> None:
        self._registry = registry
        self._marks = marks
        self._kept = kept
        self._observer = observer
        self._grown: set[str] = set()
        self._news = asyncio.Event()

    def grown(self, tenant_id: str) -> None:
        """A tenant has a model more."""
        self._grown.add(tenant_id)
        self._news.set()

    async def work(self) -> None:
        """Keep all tenants' models in order, until cancelled."""
        known = False
        while True:
            try:
                if not known:
                    # What grew while nobody was there to look, or may keep less than before.
                    changes = await self._registry.serving_changes()
                    self._grown.update(change.tenant_id for change in changes)
                    known = True
                await self.sweep()
            except PortUnavailable as error:
                _logger.warning("old models stay for now: %s", error, extra={"category": "ml"})
            except Exception:
                _logger.exception("removing old models failed and is tried again")
            await happened(self._news, within=SWEEP_SECONDS)
            self._news.clear()

    async def sweep(self) -> None:
        """Remove what is due now. Raises `PortUnavailable`; the rest is due at the next time."""
        while self._grown:
            tenant_id = next(iter(self._grown))
            for version in (await self._registry.names(tenant_id))[self._kept :]:
                await self._marks.let_leave(tenant_id, version)
            self._grown.discard(tenant_id)
        for tenant_id, version, mark in await self._marks.marked():
            if mark is Mark.LEAVING:
                with self._observer.removal(tenant_id, version):
                    await self._registry.discard(tenant_id, version)
        await self._registry.drop_copies()
