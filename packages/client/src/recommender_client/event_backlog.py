"""Events on their way: what waits, what is being sent, and when to send next.

No lock, no thread and no clock of its own: the sync and the async buffer share this state, and
hold their own lock around each use of it.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from pydantic import ValidationError

from contracts.events import MAX_BATCH, BatchResult, Event, EventBatch, RejectedRecord
from recommender_client.calls import Call
from recommender_client.errors import (
    ApiError,
    BodyTooLarge,
    Conflict,
    ConnectionFailed,
    InvalidRequest,
    NotDelivered,
    RateLimited,
    ServerError,
    TimedOut,
)
from recommender_client.groups.batches import one_batch
from recommender_client.retries import RetryPolicy

OnRejected: TypeAlias = Callable[[Event, RejectedRecord], None]
"""Told of each event that the recommender does not take, and why."""

_TRANSIENT: Final = (ConnectionFailed, TimedOut, RateLimited, ServerError, Conflict)
# Longer is no pause: a quota that is used up until next month, for one.
_LONGEST_PAUSE_SECONDS: Final = 300.0
_logger = logging.getLogger("recommender_client")


@dataclass(frozen=True, slots=True)
class BufferLimits:
    """When events are sent, and how many are held at most."""

    max_events: int = 500
    max_seconds: float = 1.0
    capacity: int = 10_000
    close_seconds: float = 30.0
    on_rejected: OnRejected | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.max_events <= min(MAX_BATCH, self.capacity):
            raise ValueError(f"max_events is from 1 to {MAX_BATCH:,}, and at most the capacity")
        if min(self.max_seconds, self.close_seconds) < 0:
            raise ValueError("max_seconds and close_seconds are not negative")


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of the events of a buffer; together they are those that were added."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0


Rejections: TypeAlias = Sequence[tuple[Event, RejectedRecord]]


class Backlog:
    """First in, first out, one batch on its way at a time.

    `added` and `settled` count events; a batch that failed for a while is sent again as it was,
    with the same Idempotency-Key. `failure` is set where sending again would not help.
    """

    def __init__(self, limits: BufferLimits, backoff: RetryPolicy) -> None:
        self.limits = limits
        self._backoff = backoff
        self.added = 0
        self.settled = 0
        self.delivered = Delivered()
        self.failure: Exception | None = None
        self.last_error: Exception | None = None
        self._waiting: deque[tuple[float, Event]] = deque()
        self._batch: list[tuple[float, Event]] = []
        self._call: Call[BatchResult] | None = None
        self._wanted = 0
        self._failures = 0
        self._paused_until = 0.0

    @property
    def has_room(self) -> bool:
        """Whether another event fits."""
        return self.added - self.settled < self.limits.capacity

    def put(self, event: Event, now: float) -> bool:
        """Take an event in; whether the time to send next has changed by it."""
        self._waiting.append((now, event))
        self.added += 1
        return len(self._waiting) in {1, self.limits.max_events}

    def want_all(self) -> int:
        """Send what is here without waiting for more; gives the count to wait for."""
        self._wanted = self.added
        return self.added

    def hurry(self) -> None:
        """Make the next attempt now, even after a failure."""
        self._paused_until = 0.0

    def due_in(self, now: float) -> float | None:
        """Seconds until a batch shall be sent: 0 for now, None while there is nothing to send."""
        pause = max(0.0, self._paused_until - now)
        if self._batch:
            return pause
        if not self._waiting:
            return None
        if len(self._waiting) >= self.limits.max_events or self.settled < self._wanted:
            return pause
        return max(pause, self._waiting[0][0] + self.limits.max_seconds - now)

    def begin(self) -> Call[BatchResult]:
        """The batch to send now."""
        if not self._batch:
            size = min(self.limits.max_events, len(self._waiting))
            self._batch = [self._waiting.popleft() for _ in range(size)]
        if self._call is None:
            events = [event for _, event in self._batch]
            self._call = one_batch(EventBatch.model_construct(events=events), "events")
        return self._call

    def succeeded(self, result: BatchResult) -> Rejections:
        """The batch is stored, but for what the result rejects."""
        before = self.delivered
        self.delivered = Delivered(
            before.accepted + result.accepted,
            before.duplicates + result.duplicates,
            before.rejected + len(result.rejected),
        )
        rejections = [(self._batch[one.index][1], one) for one in result.rejected]
        self.settled += len(self._batch)
        self._batch, self._call, self._failures = [], None, 0
        return rejections

    def failed(self, error: Exception, now: float) -> Rejections:
        """The batch is not stored: try again later, or in halves, or never."""
        self.last_error = error
        if isinstance(error, InvalidRequest) and error.code == "no_valid_records":
            return self._all_rejected(error)
        if isinstance(error, BodyTooLarge):
            return self._too_large(error)
        asked_for = (error.retry_after or 0.0) if isinstance(error, ApiError) else 0.0
        if not isinstance(error, _TRANSIENT) or asked_for > _LONGEST_PAUSE_SECONDS:
            self.failure = error
            return ()
        self._failures += 1
        self._paused_until = now + asked_for + self._backoff.backoff(self._failures)
        return ()

    def undelivered(self) -> NotDelivered | None:
        """The error that names all that is still here; None where nothing is."""
        events = [event for _, event in (*self._batch, *self._waiting)]
        return NotDelivered(events, self.failure or self.last_error) if events else None

    def _all_rejected(self, error: InvalidRequest) -> Rejections:
        try:
            rejected = [RejectedRecord.model_validate(one) for one in error.problem.errors or ()]
        except ValidationError:
            rejected = []
        named = {one.index for one in rejected}
        rejected += [
            RejectedRecord(index=index, code=error.code, reason=error.detail)
            for index in range(len(self._batch))
            if index not in named
        ]
        return self.succeeded(BatchResult(accepted=0, duplicates=0, rejected=rejected))

    def _too_large(self, error: BodyTooLarge) -> Rejections:
        if len(self._batch) == 1:
            alone = RejectedRecord(index=0, code=error.code, reason=error.detail)
            return self.succeeded(BatchResult(accepted=0, duplicates=0, rejected=[alone]))
        half = len(self._batch) // 2
        self._waiting.extendleft(reversed(self._batch[half:]))
        self._batch, self._call = self._batch[:half], None
        return ()


def tell(limits: BufferLimits, rejections: Rejections) -> None:
    """Tell of rejected events; a callback that fails stops nothing."""
    if limits.on_rejected is None:
        for code in sorted({one.code for _, one in rejections}):
            count = sum(one.code == code for _, one in rejections)
            _logger.warning("%d events were rejected: %s", count, code)
        return
    for event, rejected in rejections:
        try:
            limits.on_rejected(event, rejected)
        except Exception:
            _logger.exception("on_rejected failed")
