"""What the client of Kafka says, without its repetitions."""

import logging
import time
from collections.abc import Callable
from typing import Final

REPEATED_SECONDS: Final = 30.0
"""How long the client does not say the like of what it has said."""

LOG: Final = logging.getLogger("data_pipeline.kafka")


class Seldom(logging.Filter):
    """Leaves out what repeats itself: without a broker the client says so twenty times a second.

    `clock` tells seconds. Lines are alike that begin with the same word.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is written."""
        word, now = record.getMessage().partition(" ")[0], self._clock()
        if now - self._said.get(word, -REPEATED_SECONDS) < REPEATED_SECONDS:
            return False
        self._said[word] = now
        return True


SELDOM: Final = Seldom()
