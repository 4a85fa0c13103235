"""Sparing a server that is away."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from backends.ports import FeaturesBegun, FeaturesMoved, PortUnavailable

RETRY_SECONDS: Final = 1.0


class Spared(PortUnavailable):
    """The server was not asked: it failed less than a second ago."""


class Trials:
    """After a failure nobody asks for a second, then one alone, so that time-outs slow no others.

    `clock` tells seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failure: PortUnavailable | None = None
        self._again_at = 0.0

    @contextmanager
    def trial(self) -> Generator[None]:
        """Ask within. Raises `Spared` at once where nobody may."""
        if self._failure is not None:
            if self._clock() < self._again_at:
                raise Spared(str(self._failure))
            self._again_at = self._clock() + RETRY_SECONDS
        try:
            yield
        except (FeaturesBegun, FeaturesMoved):
            # It has answered.
            self._failure = None
            raise
        except PortUnavailable as failure:
            self._failure = failure
            self._again_at = self._clock() + RETRY_SECONDS
            raise
        self._failure = None
