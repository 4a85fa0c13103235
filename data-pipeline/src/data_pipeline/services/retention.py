"""Ends the life of old events, and of objects that are no longer part of the event log."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from data_pipeline.domain.chunk_store import ChunkStore, Positions
from data_pipeline.services.maintenance import JobReport


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
