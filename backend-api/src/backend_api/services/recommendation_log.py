"""The log of answers: what was recommended, kept for a while, off the path of the request."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from backend_api.domain.product_errors import RecommendationNotFound
from backend_api.domain.product_ports import RecommendationLogStore
from backend_api.domain.recommendations import LoggedRecommendation, first_recommendation_id
from backends.ports import PortUnavailable

FLUSH_SECONDS: Final = 1.0
MAX_PENDING_BYTES: Final = 64 * 1024 * 1024
PURGE_SECONDS: Final = 600.0
_BATCH: Final = 1_000


class RecommendationLog:
    """Answers wait in memory and are written about once a second.

    A crash loses the answers of the last second, and nothing else; a clean stop loses none.
    While the storage cannot be written they wait, up to 64 MiB: then the oldest are lost, and
    `on_lost` hears how many. `on_written` is told of each batch once it is stored.
    An answer is found from the moment it is given, by another replica about a second later:
    who asks that one so soon waits for it.
    """

    def __init__(
        self,
        store: RecommendationLogStore,
        *,
        keep: timedelta,
        flush_seconds: float = FLUSH_SECONDS,
        max_pending_bytes: int = MAX_PENDING_BYTES,
        on_lost: Callable[[int], None] = lambda _: None,
        on_written: Callable[[Sequence[LoggedRecommendation]], Awaitable[None]] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._keep = keep
        self._flush_seconds = flush_seconds
        self._max_pending_bytes = max_pending_bytes
        self._on_lost = on_lost
        self._on_written = on_written
        self._clock = clock
        self._pending: dict[str, LoggedRecommendation] = {}
        self._pending_bytes = 0
        self._writing = asyncio.Lock()

    def add(self, entry: LoggedRecommendation) -> None:
        """Keep an answer that is given now."""
        self._pending[entry.recommendation_id] = entry
        self._pending_bytes += _size(entry)
        if self._pending_bytes > self._max_pending_bytes:
            self._drop_oldest()

    def __len__(self) -> int:
        return len(self._pending)

    async def find(self, tenant_id: str, recommendation_id: str) -> LoggedRecommendation:
        """The tenant's answer. Raises `RecommendationNotFound`."""
        entry = self._pending.get(recommendation_id)
        if entry is None or entry.tenant_id != tenant_id:
            entry = await self._store.find(tenant_id, recommendation_id)
        if entry is None and self._may_wait_elsewhere(recommendation_id):
            await asyncio.sleep(self._flush_seconds)
            entry = await self._store.find(tenant_id, recommendation_id)
        if entry is None:
            raise RecommendationNotFound(recommendation_id)
        return entry

    def _may_wait_elsewhere(self, recommendation_id: str) -> bool:
        """Whether it is so new that another replica may not have written it yet."""
        written_by_now = self._clock() - timedelta(seconds=2 * self._flush_seconds)
        return recommendation_id >= first_recommendation_id(written_by_now)

    def users(self) -> set[tuple[str, str]]:
        """Tenant and user ids of the answers that are not written yet."""
        waiting = self._pending.values()
        return {(one.tenant_id, one.user_id) for one in waiting if one.user_id is not None}

    async def forget(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """Drop the answers to these users that are not written yet; how many.

        None of them is being written when it returns.
        """
        async with self._writing:
            users = set(user_ids)
            found = [
                entry
                for entry in self._pending.values()
                if entry.tenant_id == tenant_id and entry.user_id in users
            ]
            for entry in found:
                self._remove(entry)
            return len(found)

    async def flush(self) -> None:
        """Write what waits. Raises `PortUnavailable`; what is not written goes on waiting."""
        async with self._writing:
            while self._pending:
                batch = list(islice(self._pending.values(), _BATCH))
                await self._store.add(batch)
                for entry in batch:
                    self._remove(entry)
                if self._on_written is not None:
                    await self._on_written(batch)

    async def write_waiting(self) -> float:
        """Write what waits, if the storage takes it; how many seconds until the next time."""
        # The store's own telemetry tells of a failure; the answers go on waiting.
        with suppress(PortUnavailable):
            await self.flush()
        return self._flush_seconds

    async def purge_old(self) -> float:
        """Remove what is over its time now; how many seconds until the next time."""
        with suppress(PortUnavailable):
            await self.purge(self._clock())
        return PURGE_SECONDS

    async def purge(self, now: datetime) -> None:
        """Remove what is over its time, in steps that hold up no other writer for long."""
        oldest = first_recommendation_id(now - self._keep)
        while await self._store.purge(oldest, _BATCH) == _BATCH:
            continue

    def _drop_oldest(self) -> None:
        lost = 0
        while self._pending_bytes > self._max_pending_bytes:
            self._remove(next(iter(self._pending.values())))
            lost += 1
        self._on_lost(lost)

    def _remove(self, entry: LoggedRecommendation) -> None:
        if self._pending.pop(entry.recommendation_id, None) is not None:
            self._pending_bytes -= _size(entry)


def _size(entry: LoggedRecommendation) -> int:
    return len(entry.request) + len(entry.answer) + 200
