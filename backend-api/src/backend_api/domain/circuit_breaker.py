"""Keeps callers from waiting for a service that does not answer."""

import time
from collections.abc import Callable
from enum import StrEnum


class Circuit(StrEnum):
    """Closed lets every call through, open none, half-open one: the probe."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


class CircuitBreaker:
    """Opens after `failures` failed calls in a row; then one call per `probe_seconds` may try.

    A call asks for a ticket by `admit` and gives it back with its outcome. Outcomes of calls
    that began before the last change of the circuit say nothing of the present, and count for
    nothing. `clock` is in seconds and never goes back; `on_change` hears of each change.
    """

    def __init__(
        self,
        *,
        failures: int = 5,
        probe_seconds: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[Circuit], None] = lambda _: None,
    ) -> None:
        self._limit = failures
        self._probe_seconds = probe_seconds
        self._clock = clock
        self._on_change = on_change
        self._failed = 0
        self._retry_at = 0.0
        self._ticket = 0
        self._state = Circuit.CLOSED

    @property
    def state(self) -> Circuit:
        """How the circuit stands."""
        return self._state

    def admit(self) -> int | None:
        """A ticket for a call, None where the call must not be made."""
        if self._state is Circuit.CLOSED:
            return self._ticket
        if self._state is Circuit.OPEN and self._clock() >= self._retry_at:
            self._become(Circuit.HALF_OPEN)
            return self._ticket
        return None

    def succeeded(self, ticket: int) -> None:
        """The service answered."""
        if ticket != self._ticket:
            return
        self._failed = 0
        if self._state is Circuit.HALF_OPEN:
            self._become(Circuit.CLOSED)

    def failed(self, ticket: int) -> None:
        """The service did not answer, or not in time."""
        if ticket != self._ticket:
            return
        self._failed += 1
        if self._state is Circuit.HALF_OPEN or self._failed >= self._limit:
            self._retry_at = self._clock() + self._probe_seconds
            self._become(Circuit.OPEN)

    def abandoned(self, ticket: int) -> None:
        """The call ended without an outcome: its caller went away."""
        if ticket == self._ticket and self._state is Circuit.HALF_OPEN:
            self._retry_at = self._clock()
            self._become(Circuit.OPEN)

    def _become(self, state: Circuit) -> None:
        self._state = state
        self._ticket += 1
        self._failed = 0
        self._on_change(state)
