"""Which answers led to a click: counted in memory, over the last hour."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from backend_api.domain.sent_events import SentEvent
from contracts.events import EventType

WINDOW_SECONDS: Final = 3_600.0
CAPACITY: Final = 50_000
"""How many answers are remembered, about 15 MB; the oldest go first."""


@dataclass(slots=True)
class _Given:
    """An answer that was given."""

    tenant_id: str
    model_version: str
    at: float
    is_clicked: bool = False


@dataclass(slots=True)
class Clicks:
    """Of so many answers so many led to a click."""

    answers: int = 0
    clicked: int = 0

    @property
    def rate(self) -> float:
        """The click-through rate; there must be an answer."""
        return self.clicked / self.answers


class ClickThrough:
    """Remembers the answers of this process, and which of them were clicked.

    An answer counts with its click, or without, as long as it is remembered: a rate is never
    over 1, and forgetting changes it in no direction. `clock` is in seconds.
    """

    def __init__(
        self,
        window_seconds: float = WINDOW_SECONDS,
        capacity: int = CAPACITY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._window_seconds = window_seconds
        self._capacity = capacity
        self._clock = clock
        self._given: dict[str, _Given] = {}
        self._clicks: dict[tuple[str, str], Clicks] = {}

    def given(self, tenant_id: str, recommendation_id: str, model_version: str) -> None:
        """An answer goes to its caller."""
        now = self._clock()
        self._forget_old(now)
        self._given[recommendation_id] = _Given(tenant_id, model_version, now)
        self._clicks.setdefault((tenant_id, model_version), Clicks()).answers += 1

    def sent(self, tenant_id: str, events: Iterable[SentEvent]) -> None:
        """Events are stored; those that click on an answer of the tenant count."""
        for event in events:
            if event.recommendation_id is None or event.event_type != EventType.CLICK:
                continue
            answer = self._given.get(event.recommendation_id)
            if answer is None or answer.tenant_id != tenant_id or answer.is_clicked:
                continue
            answer.is_clicked = True
            self._clicks[answer.tenant_id, answer.model_version].clicked += 1

    def by_version(self) -> Mapping[tuple[str, str], Clicks]:
        """The counts of each tenant and model version that has answers in the window."""
        self._forget_old(self._clock())
        return self._clicks

    def _forget_old(self, now: float) -> None:
        oldest = now - self._window_seconds
        while self._given:
            recommendation_id, answer = next(iter(self._given.items()))
            if answer.at >= oldest and len(self._given) < self._capacity:
                return
            del self._given[recommendation_id]
            key = answer.tenant_id, answer.model_version
            clicks = self._clicks[key]
            clicks.answers -= 1
            clicks.clicked -= answer.is_clicked
            if clicks.answers == 0:
                del self._clicks[key]
