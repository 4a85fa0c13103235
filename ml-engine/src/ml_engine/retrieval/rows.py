"""A table that grows at its end."""

import numpy as np
from numpy.typing import NDArray


class Rows:
    """Rows of equal length, with room beyond them, so that appending copies few of them twice."""

    def __init__(self, rows: NDArray[np.float32]) -> None:
        """Begin with `rows` of shape (n, d)."""
        self._room = rows
        self.table = rows
        """All rows, good until the next ones are added."""

    def __len__(self) -> int:
        return len(self.table)

    def append(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Add rows (m, d); returns the whole table, good until the next ones are added."""
        first, end = len(self.table), len(self.table) + len(rows)
        if end > len(self._room):
            self._room = np.empty((max(end, 2 * len(self._room)), rows.shape[1]), np.float32)
            self._room[:first] = self.table
        self._room[first:end] = rows
        self.table = self._room[:end]
        return self.table
