"""The client of a Redis that is asked while a caller waits."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


def redis_client(url: str, timeout_seconds: float) -> Redis:
    """A client of the Redis of `url` that gives up after `timeout_seconds`, each way."""
    return Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        # One more attempt, at once: a connection that idled may have been closed meanwhile.
        retry=Retry(NoBackoff(), 1),
    )
