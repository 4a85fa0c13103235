"""What tests and benchmarks of real processes share: ports for them, and waiting until they are up.

There is nothing to wait on in another process: all that can be done is to ask again.
"""

import time
from collections.abc import Callable
from typing import Final, TypeVar

import httpx2

from stack.programs.ports import free_ports

PATIENCE_SECONDS: Final = 90.0
READY_SECONDS: Final = 60.0

T = TypeVar("T")


def free_port() -> int:
    """A port that nobody listens on now."""
    (port,) = free_ports(1)
    return port


def wait_for(
    ask: Callable[[], T],
    until: Callable[[T], bool],
    patience_seconds: float = PATIENCE_SECONDS,
    pause_seconds: float = 0.01,
) -> T:
    """Ask until the answer is as wished."""
    deadline = time.monotonic() + patience_seconds
    while not until(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(pause_seconds)
    return answer


def wait_until_ready(
    client: httpx2.Client,
    runs: Callable[[], bool],
    log: Callable[[], str],
    patience_seconds: float = READY_SECONDS,
) -> None:
    """Wait until a service takes requests.

    Raises:
        AssertionError: its process no longer runs, or this takes too long; with what it logged.
    """
    deadline = time.monotonic() + patience_seconds
    while not _is_ready(client):
        assert runs(), f"the service has ended:\n{log()}"
        assert time.monotonic() < deadline, f"the service is not ready:\n{log()}"
        time.sleep(0.02)


def _is_ready(client: httpx2.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == 200
    except httpx2.TransportError:
        return False
