"""Since when the features are behind a log."""

from collections import deque
from typing import Final

GRAIN_MS: Final = 1_000
"""Records that came within so many milliseconds count as of one moment, the earliest."""


class Backlog:
    """What is not applied yet, as far as it is known; times are Unix milliseconds.

    It is known of records from the moment they were asked to be followed, and of what was read
    from the log until it is applied.
    """

    def __init__(self) -> None:
        self._asked: deque[tuple[int, int]] = deque()
        self._read_ms: int | None = None

    def asked(self, sequence: int, now_ms: int) -> None:
        """Records up to this sequence are to be followed."""
        if self._asked and now_ms - self._asked[-1][1] < GRAIN_MS:
            newest, since_ms = self._asked[-1]
            self._asked[-1] = max(newest, sequence), since_ms
        else:
            self._asked.append((sequence, now_ms))

    def read(self, oldest_ms: int | None) -> None:
        """Records were read, the first of which arrived at this moment; None for no more."""
        self._read_ms = oldest_ms

    def applied(self, sequence: int) -> None:
        """Records up to this sequence are in the features."""
        while self._asked and self._asked[0][0] <= sequence:
            self._asked.popleft()

    def oldest_ms(self) -> int | None:
        """When the oldest record that is not applied arrived; None where there is none."""
        known = [self._asked[0][1]] if self._asked else []
        if self._read_ms is not None:
            known.append(self._read_ms)
        return min(known, default=None)
