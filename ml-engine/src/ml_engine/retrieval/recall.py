"""How much of an exact search the index finds, measured on live searches."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from ml_engine.retrieval.candidates import Nearest, Search, Source

DEPTH: Final = 10
LEAST_SECONDS: Final = 1.0
MOST_OF_TIME: Final = 0.01
"""The most of one core's time that goes into exact searches."""

_ROUNDING: Final = 1e-5


class SearchSampler:
    """Keeps a live search now and then, for `measure` to repeat it exactly in a thread.

    At most one waits, and at most one a second is measured, fewer where that would take more than
    a hundredth of the time. `clock` is in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = clock()
        self._kept: asyncio.Queue[tuple[str, Search]] = asyncio.Queue(maxsize=1)

    def offer(self, tenant_id: str, source: Source) -> None:
        """Keep the search of an answer's source, if one is wanted and it searched an index."""
        if self._clock() < self._due or not isinstance(source, Nearest) or self._kept.full():
            return
        search = source.searched()
        if search is not None:
            self._kept.put_nowait((tenant_id, search))

    async def measure(self) -> tuple[str, float]:
        """Wait for a search and repeat it: its tenant, and its recall at 10."""
        tenant_id, search = await self._kept.get()
        started = self._clock()
        found = await asyncio.to_thread(recall, search)
        ended = self._clock()
        self._due = ended + max(LEAST_SECONDS, (ended - started) / MOST_OF_TIME)
        return tenant_id, found


def recall(search: Search, depth: int = DEPTH) -> float:
    """The share of the `depth` best items that were found; of equally good ones any will do."""
    n = len(search.vectors) if search.mask is None else len(search.mask)
    scores = search.vectors[:n] @ search.vector
    if search.mask is not None:
        scores = scores[: len(search.mask)]
        scores[~search.mask] = -np.inf
    eligible = int(np.isfinite(scores).sum())
    k = min(depth, eligible, len(search.positions))
    if k == 0:
        return 1.0
    least = np.partition(scores, len(scores) - k)[len(scores) - k]
    found = search.positions[:k]
    found = found[(found >= 0) & (found < n)]
    # The index adds up in another order than NumPy does.
    tolerance = _ROUNDING * max(1.0, abs(float(least)))
    return float((scores[found] >= least - tolerance).sum()) / k
