"""When to ask again, and how long to wait before."""

import random
import time
from dataclasses import dataclass
from typing import Any

from recommender_client.answers import Answer, Outcome
from recommender_client.calls import Call

_TRANSIENT = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with full jitter, bounded in attempts and in time.

    Before attempt n + 1 it waits anything up to `base_seconds` * 2^(n - 1), at most
    `cap_seconds`, and what a Retry-After header asks for on top. A wait that would end after
    `max_seconds` is not begun: the last failure is raised at once.

    Asked again are lost connections, timeouts, 429, 502, 503 and 504. Reads change nothing, and
    writes carry an Idempotency-Key that stays the same, so either can be repeated. A 409 is asked
    again where it has a Retry-After: the attempt before, whose answer was lost, still runs.
    """

    max_attempts: int = 4
    max_seconds: float = 30.0
    base_seconds: float = 0.1
    cap_seconds: float = 5.0

    def __post_init__(self) -> None:
        if self.max_attempts < 1 or min(self.max_seconds, self.base_seconds, self.cap_seconds) < 0:
            raise ValueError("max_attempts is 1 or more, and no time is negative")

    def backoff(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row: full jitter."""
        ceiling = min(self.cap_seconds, self.base_seconds * 2.0 ** min(failures - 1, 60))
        return random.uniform(0.0, ceiling)  # noqa: S311 - spreads load, hides nothing


NO_RETRIES = RetryPolicy(max_attempts=1)


class Attempts:
    """The attempts of one call."""

    __slots__ = ("_call", "_made", "_policy", "_started")

    def __init__(self, policy: RetryPolicy, call: Call[Any]) -> None:
        self._policy = policy
        self._call = call
        self._made = 0
        self._started = time.monotonic()

    def pause_after(self, outcome: Outcome) -> float | None:
        """Seconds until the next attempt; None where this outcome is the call's."""
        self._made += 1
        is_answer = isinstance(outcome, Answer)
        if is_answer and not _is_transient(outcome):
            return None
        if self._made >= self._policy.max_attempts or not self._call.repeatable:
            return None
        pause = self._policy.backoff(self._made) + ((outcome.retry_after or 0) if is_answer else 0)
        elapsed = time.monotonic() - self._started
        return pause if elapsed + pause <= self._policy.max_seconds else None


def _is_transient(answer: Answer) -> bool:
    return answer.status in _TRANSIENT or (answer.status == 409 and answer.retry_after is not None)
