"""RateLimiter that goes on in this process while the shared one is away."""

import time
from collections.abc import Callable

from backends.ports import Allowance, PortUnavailable, RateLimiter
from backends.trials import Spared, Trials


class FallbackRateLimiter:
    """Asks `shared`; while it is away asks `local`, so that limits hold per replica at least.

    `away` is called with the reason at each failure; then nobody asks for a second. `clock` tells
    seconds.
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
        self._trials = Trials(clock)

    async def take(self, bucket: str, per_second: float, burst: int) -> Allowance:
        """Take one token of the shared bucket, or of the local one."""
        try:
            with self._trials.trial():
                return await self._shared.take(bucket, per_second, burst)
        except Spared:
            pass
        except PortUnavailable as error:
            self._away(error)
        return await self._local.take(bucket, per_second, burst)

    async def ping(self) -> None:
        """Raise `PortUnavailable` where the shared limiter is away."""
        await self._shared.ping()

    async def close(self) -> None:
        """Release both."""
        await self._shared.close()
        await self._local.close()
