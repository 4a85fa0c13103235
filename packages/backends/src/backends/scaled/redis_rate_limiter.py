"""RateLimiter over Redis: one script, one clock, the same buckets for all replicas."""

from typing import Any, Final

from backends.ports import Allowance
from backends.scaled.redis_client import redis_client
from backends.scaled.redis_errors import answering
from backends.token_bucket import after_taking

TIMEOUT_SECONDS: Final = 0.1
_PREFIX: Final = "rate-limit:"

# Tokens are kept as text of 17 digits, which holds a double whole. A bucket that is full again
# is as good as none, so it expires then.
_TAKE: Final = """
local per_second, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(kept[1] or burst), tonumber(kept[2] or now)
tokens = math.min(burst, tokens + math.max(0, now - at) * per_second / 1000000)
local allowed = 0
if tokens >= 1 then
  tokens = tokens - 1
  allowed = 1
end
local text = string.format('%.17g', tokens)
redis.call('HSET', KEYS[1], 'tokens', text, 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens) / per_second * 1000) + 1)
return {allowed, text}
"""


class RedisRateLimiter:
    """Token buckets in the Redis of `url`, each take one script that nothing comes between."""

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._redis = redis_client(url, timeout_seconds)
        self._take: Any = self._redis.register_script(_TAKE)

    async def take(self, bucket: str, per_second: float, burst: int) -> Allowance:
        """Take one token of a bucket of `burst` tokens, refilled at `per_second`, if it has one.

        Raises:
            PortUnavailable: Redis does not answer within the time-out.
        """
        with answering():
            allowed, tokens = await self._take(keys=[_PREFIX + bucket], args=[per_second, burst])
        return after_taking(bool(allowed), float(tokens), per_second, burst)

    async def ping(self) -> None:
        """Ask Redis for a sign of life."""
        with answering():
            await self._redis.ping()

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
