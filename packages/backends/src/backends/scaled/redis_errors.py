"""What a Redis that is away means to a port."""

from collections.abc import Generator
from contextlib import contextmanager

from redis.exceptions import RedisError

from backends.ports import PortUnavailable


@contextmanager
def answering() -> Generator[None]:
    """Turn what the client raises into `PortUnavailable`."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise PortUnavailable(f"Redis does not answer: {error}") from error
