"""A table that grows at its end."""

import numpy as np
from numpy.typing import NDArray


class Rows:
    """Rows of equal length, with room beyond them, so that appending copies few of them twice."""

    def __init__(self, rows: NDArray[np.float32]) -> None:
        """Begin with `rows` of shape (n, d)."""
        self._table = rows
        self._length = len(rows)

    def append(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Add rows (m, d); returns the whole table, good until the next ones are added."""
        end = self._length + len(rows)
        if end > len(self._table):
            grown = np.empty((max(end, 2 * len(self._table)), rows.shape[1]), np.float32)
            grown[: self._length] = self._table[: self._length]
            self._table = grown
        self._table[self._length : end] = rows
        self._length = end
        return self._table[:end]
