"""Adam's steps (Kingma and Ba, ICLR 2015), of some rows of a table at a time."""

from __future__ import annotations

import numpy as np

FIRST_MOMENT, SECOND_MOMENT, EPSILON = 0.9, 0.99, 1e-8
ROWS_PER_STEP = 1024


class Table:
    """A table of rows and the state of their Adam steps, which only rows with a gradient take."""

    def __init__(self, rows: np.ndarray) -> None:
        """`rows` float32 (n, d): copied."""
        self.rows = np.array(rows, np.float32)
        self._first, self._second = np.zeros_like(self.rows), np.zeros_like(self.rows)
        self._steps = 0

    def step(self, met: np.ndarray, gradient: np.ndarray, rate: float) -> None:
        """One step of the rows `met`, int64 (m,) without repeats, down `gradient`, (m, d)."""
        self._steps += 1
        rate *= np.sqrt(1 - SECOND_MOMENT**self._steps) / (1 - FIRST_MOMENT**self._steps)
        # By few rows at a time, so that all of a part's arrays stay in the processor's cache.
        for start in range(0, len(met), ROWS_PER_STEP):
            rows, slope = (
                met[start : start + ROWS_PER_STEP],
                gradient[start : start + ROWS_PER_STEP],
            )
            change, second = self._first[rows], self._second[rows]
            change += np.float32(1 - FIRST_MOMENT) * (slope - change)
            second += np.float32(1 - SECOND_MOMENT) * (slope * slope - second)
            self._first[rows], self._second[rows] = change, second
            np.sqrt(second, out=second)
            second += np.float32(EPSILON)
            change /= second
            change *= np.float32(rate)
            self.rows[rows] -= change
