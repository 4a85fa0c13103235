"""RateLimiter in the process's own memory."""

import time
from collections import OrderedDict
from collections.abc import Callable

from backends.ports import Allowance
from backends.token_bucket import after_taking


class MemoryRateLimiter:
    """Token buckets of this process; the least recently used of too many is forgotten, so full."""

    def __init__(
        self, max_buckets: int = 100_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_buckets = max_buckets
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def take(self, bucket: str, per_second: float, burst: int) -> Allowance:
        """Take one token of a bucket of `burst` tokens, refilled at `per_second`, if it has one."""
        now = self._clock()
        tokens, at = self._buckets.get(bucket, (float(burst), now))
        tokens = min(float(burst), tokens + max(0.0, now - at) * per_second)
        allowed = tokens >= 1
        if allowed:
            tokens -= 1
        self._buckets[bucket] = (tokens, now)
        self._buckets.move_to_end(bucket)
        if len(self._buckets) > self._max_buckets:
            self._buckets.popitem(last=False)
        return after_taking(allowed, tokens, per_second, burst)

    async def ping(self) -> None:
        """Memory always answers."""

    async def close(self) -> None:
        """Forget everything."""
        self._buckets.clear()
