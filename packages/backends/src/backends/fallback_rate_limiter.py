"""RateLimiter that goes on in this process while the shared one is away."""

import time
from collections.abc import Callable
from typing import Final

from backends.ports import Allowance, PortUnavailable, RateLimiter

RETRY_SECONDS: Final = 1.0


class FallbackRateLimiter:
    """Asks `shared`; while it is away asks `local`, so that limits hold per replica at least.

    A limiter that is away is asked again after a second, by one request alone, so that its
    time-outs slow nobody else. `away` is called with the reason at each failure.
    """

    def __init__(
        self,
        shared: RateLimiter,
        local: RateLimiter,
        away: Callable[[PortUnavailable], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._local = local
        self._away = away
        self._clock = clock
        self._ask_again_at = float("-inf")

    async def take(self, bucket: str, per_second: float, burst: int) -> Allowance:
        """Take one token of the shared bucket, or of the local one."""
        now = self._clock()
        if now < self._ask_again_at:
            return await self._local.take(bucket, per_second, burst)
        is_trial = self._ask_again_at > float("-inf")
        if is_trial:
            self._ask_again_at = now + RETRY_SECONDS
        try:
            allowance = await self._shared.take(bucket, per_second, burst)
        except PortUnavailable as error:
            self._ask_again_at = self._clock() + RETRY_SECONDS
            self._away(error)
            return await self._local.take(bucket, per_second, burst)
        self._ask_again_at = float("-inf")
        return allowance

    async def ping(self) -> None:
        """Raise `PortUnavailable` where the shared limiter is away."""
        await self._shared.ping()

    async def close(self) -> None:
        """Release both."""
        await self._shared.close()
        await self._local.close()
