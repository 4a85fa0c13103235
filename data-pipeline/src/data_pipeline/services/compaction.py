"""Merges the small chunks of the event log into larger ones, sorted by user and time."""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Final

from data_pipeline.domain.chunk_store import ChunkGroup, ChunkStore, Kind, Merged, Positions
from data_pipeline.services.maintenance import JobReport

INLINE_ROWS: Final = 50_000
INLINE_BYTES: Final = 8 * 1024 * 1024
INLINE_CHUNKS: Final = 256
OBJECTS: Final = 8
"""On the day that goes on, small chunks are merged where they have come to one of these."""

REST: Final = 3.0
"""After a merge nothing is done for so many times as long as it took."""

_Key = tuple[str, str, str]


class Compaction:
    """Merges what all who follow the log have read, one merge after the other."""

    name = "compaction"
    every_seconds = 30.0

    def __init__(self, chunks: ChunkStore, positions: Positions, now_ms: Callable[[], int]) -> None:
        self._chunks = chunks
        self._positions = positions
        self._now_ms = now_ms

    async def run(self) -> JobReport:
        """Merge until nothing is due, in rounds of one merge of each group.

        Raises:
            PortUnavailable: something could not be read or written; the other groups are merged.
        """
        failures: dict[_Key, Exception] = {}
        merges: list[Merged] = []
        while due := await self._due(failures.keys()):
            before = len(merges)
            for group, kind in due:
                try:
                    merges += await self._merge(group, kind)
                except Exception as error:
                    failures[_key(group)] = error
            if len(merges) == before:
                break
        for error in failures.values():
            raise error
        return {
            "merges": len(merges),
            "chunks": sum(merged.chunks for merged in merges),
            "events": sum(merged.rows for merged in merges),
        }

    async def _due(self, failed: Collection[_Key]) -> Sequence[tuple[ChunkGroup, Kind]]:
        today = datetime.fromtimestamp(self._now_ms() / 1000, UTC).date().isoformat()
        groups = await self._chunks.groups(await self._positions())
        kinds = [(group, kind_due(group, today)) for group in groups]
        return [
            (group, kind) for group, kind in kinds if kind is not None and _key(group) not in failed
        ]

    async def _merge(self, group: ChunkGroup, kind: Kind) -> Sequence[Merged]:
        started = time.perf_counter()
        merged = await self._chunks.merge(group, kind, self._positions)
        await asyncio.sleep(REST * (time.perf_counter() - started))
        return [] if merged is None else [merged]


def kind_due(group: ChunkGroup, today: str) -> Kind | None:
    """Which chunks of a group of two or more should be merged now, if any."""
    if group.day < today:
        return Kind.ALL
    if group.inline_chunks > 1 and (
        group.inline_rows >= INLINE_ROWS
        or group.inline_bytes >= INLINE_BYTES
        or group.inline_chunks >= INLINE_CHUNKS
    ):
        return Kind.INLINE
    return Kind.OBJECTS if group.objects >= OBJECTS else None


def _key(group: ChunkGroup) -> _Key:
    return group.tenant_id, group.lane, group.day
