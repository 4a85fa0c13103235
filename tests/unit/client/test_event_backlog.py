"""Whatever happens on the way: each event is delivered once, rejected by name, or still here."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contracts.events import BatchResult, Event, RejectedRecord
from contracts.problems import Problem
from recommender_client import ConnectionFailed, RetryPolicy, TimedOut, new_event
from recommender_client.errors import ApiError, api_error
from recommender_client.event_backlog import Backlog, BufferLimits

LIMITS = BufferLimits(max_events=4, max_seconds=1.0, capacity=10)


def refusal(status: int, code: str = "refused", **more: object) -> ApiError:
    return api_error(
        Problem.model_validate(
            {"title": "t", "status": status, "code": code, "detail": "d", **more}
        ),
        None,
    )


PASSING: list[Callable[[], Exception]] = [
    lambda: ConnectionFailed("away"),
    lambda: TimedOut("late"),
    lambda: refusal(429),
    lambda: refusal(500),
    lambda: refusal(503),
    lambda: refusal(409),
]


class Deliveries(RuleBasedStateMachine):
    """A backlog against a recommender that stores, rejects, loses answers and is away."""

    def __init__(self) -> None:
        super().__init__()
        self.backlog = Backlog(LIMITS, RetryPolicy())
        self.now = 100.0
        self.added: list[str] = []
        self.stored: list[str] = []
        self.rejected: list[str] = []

    def send(self) -> list[Event]:
        call = self.backlog.begin()
        assert call is self.backlog.begin()
        return [event for _, event in self.backlog._batch]

    @precondition(lambda self: self.backlog.has_room)
    @rule()
    def add(self) -> None:
        event = new_event("u", "i", "view")
        self.added.append(event.event_id)
        self.backlog.put(event, self.now)

    @rule(seconds=st.floats(0, 3))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.backlog.due_in(self.now) == 0)
    @rule(chosen=st.sets(st.integers(0, 3)))
    def stored_but_for_some(self, chosen: set[int]) -> None:
        batch = self.send()
        bad = [
            RejectedRecord(index=i, code="c", reason="r") for i in sorted(chosen) if i < len(batch)
        ]
        told = self.backlog.succeeded(
            BatchResult(accepted=len(batch) - len(bad), duplicates=0, rejected=bad)
        )
        self.stored += [e.event_id for i, e in enumerate(batch) if i not in chosen]
        self.rejected += [event.event_id for event, _ in told]
        assert [event for event, _ in told] == [batch[one.index] for one in bad]

    @precondition(lambda self: self.backlog.due_in(self.now) == 0)
    @rule(error=st.sampled_from(PASSING))
    def fails_for_a_while(self, error: Callable[[], Exception]) -> None:
        batch = self.send()
        key = self.backlog.begin().headers["idempotency-key"]
        assert self.backlog.failed(error(), self.now) == ()
        assert self.send() == batch
        assert self.backlog.begin().headers["idempotency-key"] == key

    @precondition(lambda self: self.backlog.due_in(self.now) == 0)
    @rule(named=st.booleans())
    def refuses_all(self, named: bool) -> None:
        batch = self.send()
        errors = [{"index": i, "code": "c", "reason": "r"} for i in range(len(batch))]
        error = refusal(422, "no_valid_records", errors=errors if named else None)
        told = self.backlog.failed(error, self.now)
        assert [event for event, _ in told] == batch
        self.rejected += [event.event_id for event, _ in told]

    @precondition(lambda self: self.backlog.due_in(self.now) == 0)
    @rule()
    def too_large(self) -> None:
        batch = self.send()
        told = self.backlog.failed(refusal(413), self.now)
        if len(batch) == 1:
            assert [event for event, _ in told] == batch
            self.rejected += [event.event_id for event, _ in told]
        else:
            assert len(self.send()) == len(batch) // 2

    @invariant()
    def nothing_is_lost_and_order_is_kept(self) -> None:
        left = self.backlog.undelivered()
        waiting = [event.event_id for event in left.events] if left else []
        assert sorted(self.stored + self.rejected + waiting) == sorted(self.added)
        assert self.stored == [name for name in self.added if name in set(self.stored)]
        assert waiting == self.added[len(self.added) - len(waiting) :]

    @invariant()
    def memory_is_bounded_and_counts_add_up(self) -> None:
        delivered = self.backlog.delivered
        assert delivered.accepted + delivered.rejected == self.backlog.settled
        assert self.backlog.added - self.backlog.settled <= LIMITS.capacity

    @invariant()
    def whatever_is_here_will_be_due(self) -> None:
        due = self.backlog.due_in(self.now)
        assert (due is None) == (self.backlog.undelivered() is None)


TestDeliveries = Deliveries.TestCase


def test_a_full_batch_is_due_at_once_and_a_small_one_in_time() -> None:
    backlog = Backlog(LIMITS, RetryPolicy())
    assert backlog.put(new_event("u", "i", "view"), 10.0)
    assert backlog.due_in(10.25) == 0.75
    assert not backlog.put(new_event("u", "i", "view"), 10.5)
    assert not backlog.put(new_event("u", "i", "view"), 10.5)
    assert backlog.due_in(10.5) == 0.5
    assert backlog.put(new_event("u", "i", "view"), 10.5)
    assert backlog.due_in(10.5) == 0


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_what_does_not_pass_stops_the_delivery_and_keeps_the_events(status: int) -> None:
    backlog = Backlog(LIMITS, RetryPolicy())
    event = new_event("u", "i", "view")
    backlog.put(event, 0.0)
    backlog.begin()
    backlog.failed(refusal(status), 0.0)
    assert backlog.failure is not None
    left = backlog.undelivered()
    assert left is not None
    assert left.events == [event]
    assert left.cause is backlog.failure


def test_a_quota_used_up_for_long_stops_the_delivery() -> None:
    backlog = Backlog(LIMITS, RetryPolicy())
    backlog.put(new_event("u", "i", "view"), 0.0)
    backlog.begin()
    error = refusal(429, "quota_exceeded")
    error.retry_after = 86_400.0
    backlog.failed(error, 0.0)
    assert backlog.failure is error


@given(seconds=st.integers(1, 300))
def test_retry_after_holds_the_next_attempt_back(seconds: int) -> None:
    backlog = Backlog(LIMITS, RetryPolicy())
    backlog.put(new_event("u", "i", "view"), 0.0)
    backlog.begin()
    error = refusal(429)
    error.retry_after = seconds
    backlog.failed(error, 5.0)
    due = backlog.due_in(5.0)
    assert due is not None
    assert due >= seconds
    backlog.hurry()
    assert backlog.due_in(5.0) == 0


@pytest.mark.parametrize(
    "limits",
    [
        {"max_events": 0},
        {"max_events": 10_001, "capacity": 20_000},
        {"max_events": 11, "capacity": 10},
        {"max_seconds": -1},
        {"close_seconds": -1},
    ],
)
def test_limits_without_sense_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"max_events|max_seconds"):
        BufferLimits(**limits)  # pyright: ignore[reportArgumentType]
