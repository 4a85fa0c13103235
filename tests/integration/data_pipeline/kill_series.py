"""Kills at random moments, as many as the environment's KILLS, drawn from its KILL_SEED."""

import operator
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from random import Random, SystemRandom
from typing import Final

from tests.integration.data_pipeline.killed_pipeline import KilledPipeline
from tests.real_processes import wait_for

KILLS: Final = int(os.environ.get("KILLS") or 8)
SEED: Final = int(os.environ.get("KILL_SEED") or SystemRandom().randrange(1_000_000))
_STARTING: Final = 0.2
"""This share of the kills comes while the service starts, the others while it works."""


class KillSeries:
    """The kills of one source: where they hit, and how long all took."""

    def __init__(self, source: str, pipeline: KilledPipeline) -> None:
        self.random = Random(f"{SEED} {source}")
        self._source = source
        self._pipeline = pipeline
        self._places: Counter[str] = Counter()
        self._kills = 0
        self._began = time.monotonic()
        self._start_seconds = 0.5
        sys.stdout.write(f"\n{source}: KILLS={KILLS} KILL_SEED={SEED}\n")

    def run(self, window: float, held: Callable[[], bool] = lambda: False) -> None:
        """Start and kill; `window` is in how many seconds of work a kill may come.

        While `held` says so, no kill comes: the service must get on first.
        """
        for _ in range(KILLS):
            must_get_on = held()
            if self._kills and not must_get_on and self.random.random() < _STARTING:
                self._pipeline.start()
                time.sleep(self.random.uniform(0.1, 1.0) * self._start_seconds)
            else:
                self.start()
                if must_get_on:
                    wait_for(held, operator.not_)
                time.sleep(self.random.uniform(0, window))
            self.kill()

    def start(self) -> None:
        """Start the service and wait until it is ready."""
        began = time.monotonic()
        self._pipeline.start()
        self._pipeline.wait_until_ready()
        self._start_seconds = time.monotonic() - began

    def kill(self) -> None:
        """Kill the service now."""
        self._places.update(self._pipeline.kill())
        self._kills += 1

    def report(self, **figures: int) -> None:
        """Print what happened."""
        seconds = time.monotonic() - self._began
        words = ", ".join(f"{count} {name}" for name, count in figures.items())
        lines = [f"{self._source}: {self._kills} kills, {words}, {seconds:.0f} s; killed in"]
        lines += [f"  {count:4} {place}" for place, count in self._places.most_common()]
        sys.stdout.write("\n".join(lines) + "\n")
