"""Cache over Redis: what one replica keeps, all find."""

import math
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from backends.ports import PortUnavailable
from backends.scaled.redis_client import redis_client
from backends.scaled.redis_errors import answering
from backends.trials import Trials

TIMEOUT_SECONDS: Final = 0.1
_PREFIX: Final = "cache:"

T = TypeVar("T")


class RedisCache:
    """Values in the Redis of `url`, which may forget them earlier where its memory is short.

    While Redis is away nothing is found and nothing is kept; `away` is called with the reason
    once, until Redis has answered again.
    """

    def __init__(
        self,
        url: str,
        away: Callable[[PortUnavailable], None],
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._redis = redis_client(url, timeout_seconds)
        self._away = away
        self._is_away = False
        self._trials = Trials()

    async def get(self, key: str) -> bytes | None:
        """The value, or None where it is absent, over its time or out of reach."""
        found: Any = await self._tried(lambda: self._redis.get(_PREFIX + key))
        return found

    async def set(self, key: str, value: bytes, ttl_seconds: float) -> None:
        """Keep a value for `ttl_seconds`."""
        milliseconds = max(1, math.ceil(ttl_seconds * 1000))
        await self._tried(lambda: self._redis.set(_PREFIX + key, value, px=milliseconds))

    async def delete(self, key: str) -> None:
        """Forget a value."""
        await self._tried(lambda: self._redis.unlink(_PREFIX + key))

    async def ping(self) -> None:
        """Ask Redis for a sign of life."""
        with answering():
            await self._redis.ping()

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _tried(self, question: Callable[[], Awaitable[T]]) -> T | None:
        try:
            with self._trials.trial(), answering():
                answer = await question()
        except PortUnavailable as error:
            if not self._is_away:
                self._is_away = True
                self._away(error)
            return None
        self._is_away = False
        return answer
