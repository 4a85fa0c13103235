"""How busy the process is, from its own counters: what /health/deep shows of the last minutes."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from instrumentation.metrics import Metrics

WINDOW_SECONDS: Final = 300.0
SAMPLE_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter of the catalogue, of which the series with these labels count."""

    family: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


REQUESTS: Final = Counted("http_requests_total")


class Rates:
    """Counts per second over the last five minutes, or since the start where that is later.

    The middleware calls `tick` at each request: without requests nothing is counted either, so
    no task is needed. `clock` is in seconds.
    """

    def __init__(
        self,
        metrics: Metrics,
        counted: Mapping[str, Counted],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Show each of `counted` as `<name>_per_second`, and the requests."""
        self._metrics = metrics
        self._counted = {"requests": REQUESTS, **counted}
        self._clock = clock
        self._samples: deque[tuple[float, Mapping[str, float]]] = deque()
        self._due = 0.0
        self.tick()

    def tick(self) -> None:
        """Take the counts where the last ones are 15 seconds old."""
        now = self._clock()
        if self._samples and now < self._due:
            return
        self._due = now + SAMPLE_SECONDS
        self._samples.append((now, self._totals()))
        # The newest of those that are over the window is where the window begins.
        while len(self._samples) > 1 and self._samples[1][0] <= now - WINDOW_SECONDS:
            self._samples.popleft()

    def report(self) -> dict[str, Any]:
        """`over_seconds`, and each rate."""
        self.tick()
        then, before = self._samples[0]
        seconds = self._clock() - then
        totals = self._totals()
        rates = {
            f"{name}_per_second": round((totals[name] - before[name]) / max(seconds, 1.0), 3)
            for name in self._counted
        }
        return {"over_seconds": round(seconds, 3), **rates}

    def _totals(self) -> Mapping[str, float]:
        return {name: self._total(one) for name, one in self._counted.items()}

    def _total(self, counted: Counted) -> float:
        wanted = counted.labels.items()
        return sum(
            sample.value
            for family in self._metrics.counter(counted.family).collect()
            for sample in family.samples
            if wanted <= sample.labels.items()
        )
