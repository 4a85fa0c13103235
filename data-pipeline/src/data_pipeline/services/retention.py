"""Ends the life of old events, and of objects that are no longer part of the event log."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from data_pipeline.domain.chunk_store import ChunkStore, Positions, RemovedIds
from data_pipeline.services.maintenance import JobReport

DAY_MS: Final = 86_400_000


class Retention:
    """Drops the events of days that are further back than `days`; with 0 all stay for ever."""

    name = "retention"
    every_seconds = 3_600.0

    def __init__(
        self, chunks: ChunkStore, positions: Positions, days: int, now_ms: Callable[[], int]
    ) -> None:
        self._chunks = chunks
        self._positions = positions
        self._days = days
        self._now_ms = now_ms

    async def run(self) -> JobReport:
        """Drop whole chunks. Raises `PortUnavailable`; what was dropped by then stays dropped."""
        if not self._days:
            return {"tenants": 0, "events": 0}
        today = datetime.fromtimestamp(self._now_ms() / 1000, UTC).date()
        first = (today - timedelta(days=self._days)).isoformat()
        dropped = await self._chunks.drop(first, await self._positions())
        return {"tenants": len(dropped), "events": sum(dropped.values())}


class RemovalExpiry:
    """Forgets removals once no index of seen ids can know their ids any more.

    An index remembers an id for `window_days` days from its arrival, up to a quarter longer, and
    one that was away in the meantime lets go of it before it asks. Twice the window leaves time
    between clocks that differ.
    """

    name = "removal_expiry"
    every_seconds = 3_600.0

    def __init__(self, removed: RemovedIds, window_days: int, now_ms: Callable[[], int]) -> None:
        self._removed = removed
        self._kept_ms = 2 * window_days * DAY_MS
        self._now_ms = now_ms

    async def run(self) -> JobReport:
        """Forget them. Raises `PortUnavailable`."""
        return {"removals": await self._removed.purge(self._now_ms() - self._kept_ms)}


class Sweep:
    """Removes the objects that no chunk names any more, or that none came to name."""

    name = "sweep"
    every_seconds = 3_600.0

    def __init__(self, chunks: ChunkStore, now_ms: Callable[[], int]) -> None:
        self._chunks = chunks
        self._now_ms = now_ms

    async def run(self) -> JobReport:
        """Remove them. Raises `PortUnavailable`."""
        return {"objects": await self._chunks.sweep(self._now_ms())}
