"""The feature store in Redis as a whole: how it is made anew, and compared with another."""

from collections.abc import Iterator
from typing import Any, Final

from redis import Redis

from backends.ports import PortUnavailable
from backends.scaled.redis_errors import answering
from backends.scaled.redis_features.layout import Keys

MADE: Final = Keys("features-made:")
"""Features that are made for a comparison."""

_AT_ONCE: Final = 1_000


def forget_features(url: str, keys: Keys | None = None) -> None:
    """Let data-pipeline make the features anew: at once where it runs, else at its next start.

    Raises:
        PortUnavailable: Redis does not answer.
    """
    keys = keys or Keys()
    with answering(), Redis.from_url(url) as redis:
        redis.unlink(keys.state, keys.filled)


def remove_features(url: str, keys: Keys) -> None:
    """Remove all there is of a feature store. Raises `PortUnavailable`."""
    with answering(), Redis.from_url(url) as redis:
        for key in redis.scan_iter(f"{keys.prefix}*", _AT_ONCE):
            redis.unlink(key)


def require_filled(url: str) -> None:
    """Raise `PortUnavailable` where there are no whole features."""
    with answering(), Redis.from_url(url) as redis:
        if not redis.exists(Keys().filled):
            raise PortUnavailable("no feature store in Redis that is filled: start data-pipeline")


def differences(url: str, one: Keys, two: Keys) -> Iterator[str]:
    """Keys that two feature stores do not have alike."""
    with answering(), Redis.from_url(url) as redis:
        for ours, theirs in ((one, two), (two, one)):
            own = {name.encode() for name in (ours.state, ours.filled, ours.clearing)}
            for key in redis.scan_iter(f"{ours.prefix}*", _AT_ONCE):
                rest = key.decode().removeprefix(ours.prefix)
                other = theirs.prefix + rest
                # What both have is compared once.
                if key in own or (ours is two and redis.exists(other)):
                    continue
                if _content(redis, key) != _content(redis, other):
                    yield rest


def _content(redis: Any, key: bytes | str) -> object:
    kind = redis.type(key)
    if kind == b"hash":
        return redis.hgetall(key)
    return redis.zrange(key, 0, -1, withscores=True) if kind == b"zset" else redis.get(key)
