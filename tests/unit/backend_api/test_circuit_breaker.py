"""A circuit opens after failures in a row, and closes after one probe that succeeds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_api.domain.circuit_breaker import Circuit, CircuitBreaker


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def changes() -> list[Circuit]:
    return []


@pytest.fixture
def breaker(clock: Clock, changes: list[Circuit]) -> CircuitBreaker:
    return CircuitBreaker(failures=3, probe_seconds=2.0, clock=clock, on_change=changes.append)


def admitted(breaker: CircuitBreaker) -> int:
    ticket = breaker.admit()
    assert ticket is not None
    return ticket


def opened(breaker: CircuitBreaker) -> None:
    for _ in range(3):
        breaker.failed(admitted(breaker))
    assert breaker.state is Circuit.OPEN


def test_failures_in_a_row_open_it(breaker: CircuitBreaker, changes: list[Circuit]) -> None:
    for _ in range(2):
        breaker.failed(admitted(breaker))
    assert breaker.state is Circuit.CLOSED
    breaker.failed(admitted(breaker))
    assert breaker.admit() is None
    assert changes == [Circuit.OPEN]


def test_an_answer_between_failures_keeps_it_closed(breaker: CircuitBreaker) -> None:
    for _ in range(10):
        breaker.failed(admitted(breaker))
        breaker.failed(admitted(breaker))
        breaker.succeeded(admitted(breaker))
    assert breaker.state is Circuit.CLOSED


def test_one_probe_goes_through_at_a_time(breaker: CircuitBreaker, clock: Clock) -> None:
    opened(breaker)
    clock.now = 1.9
    assert breaker.admit() is None
    clock.now = 2.0
    admitted(breaker)
    assert breaker.state is Circuit.HALF_OPEN
    assert breaker.admit() is None


def test_a_probe_that_is_answered_closes_it(
    breaker: CircuitBreaker, clock: Clock, changes: list[Circuit]
) -> None:
    opened(breaker)
    clock.now = 2.0
    breaker.succeeded(admitted(breaker))
    assert changes == [Circuit.OPEN, Circuit.HALF_OPEN, Circuit.CLOSED]
    admitted(breaker)
    admitted(breaker)


def test_a_probe_that_fails_opens_it_for_as_long_again(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    opened(breaker)
    clock.now = 2.0
    breaker.failed(admitted(breaker))
    clock.now = 3.9
    assert breaker.admit() is None
    clock.now = 4.0
    admitted(breaker)


def test_a_probe_whose_caller_goes_away_makes_room_for_the_next(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    opened(breaker)
    clock.now = 2.0
    breaker.abandoned(admitted(breaker))
    admitted(breaker)


def test_calls_from_before_say_nothing_of_the_present(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    old = admitted(breaker)
    opened(breaker)
    breaker.succeeded(old)
    assert breaker.state is Circuit.OPEN
    clock.now = 2.0
    probe = admitted(breaker)
    breaker.failed(old)
    breaker.abandoned(old)
    assert breaker.state is Circuit.HALF_OPEN
    breaker.succeeded(probe)
    assert breaker.state is Circuit.CLOSED


@given(st.lists(st.tuples(st.sampled_from(["ok", "fail", "gone"]), st.floats(0, 5))))
def test_it_always_tries_again(steps: list[tuple[str, float]]) -> None:
    clock = Clock()
    breaker = CircuitBreaker(failures=2, probe_seconds=2.0, clock=clock)
    for outcome, seconds in steps:
        clock.now += seconds
        ticket = breaker.admit()
        if ticket is None:
            continue
        end = {"ok": breaker.succeeded, "fail": breaker.failed, "gone": breaker.abandoned}
        end[outcome](ticket)
    clock.now += 2.0
    breaker.succeeded(admitted(breaker))
    assert breaker.state is Circuit.CLOSED
