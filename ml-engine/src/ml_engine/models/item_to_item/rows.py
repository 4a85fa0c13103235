"""A sparse item-to-item matrix, or a full one, by rows; NumPy alone reads it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class ItemRows:
    """Row j is `items[indptr[j]:indptr[j + 1]]` and their `weights`.

    `indptr` int64 (n_items + 1,), `items` int32 (nnz,), different ones in each row, `weights`
    float32 (nnz,). Of a full matrix all are kept, row by row.
    """

    indptr: np.ndarray
    items: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @classmethod
    def empty(cls, n_items: int) -> ItemRows:
        """Rows without any item."""
        return cls(np.zeros(n_items + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32))

    @classmethod
    def of_rows(cls, items: np.ndarray, weights: np.ndarray) -> ItemRows:
        """Row j has `items[j]` with `weights[j]`: (n_items, k) both, -1 is no item."""
        known = items >= 0
        indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(known.sum(axis=1))])
        return cls(indptr, items[known].astype(np.int32), weights[known])

    @classmethod
    def of_columns(cls, items: np.ndarray, weights: np.ndarray) -> ItemRows:
        """Column i has `items[i]` with `weights[i]`: (n_items, k) both, -1 is no item."""
        columns, places = np.nonzero(items >= 0)
        rows = items[columns, places]
        order = np.argsort(rows, kind="stable")
        indptr = np.searchsorted(rows[order], np.arange(len(items) + 1))
        kept = weights[columns, places][order]
        return cls(indptr.astype(np.int64), columns[order].astype(np.int32), kept)

    @classmethod
    def of_full(cls, matrix: np.ndarray) -> ItemRows:
        """All of `matrix` float32 (n_items, n_items)."""
        n_items = len(matrix)
        items = np.tile(np.arange(n_items, dtype=np.int32), n_items)
        return cls(np.arange(n_items + 1) * n_items, items, matrix.ravel())

    def added(self, rows: np.ndarray, factors: np.ndarray) -> np.ndarray:
        """The sum of `rows` int (m,) times `factors` float32 (m,), float32 (n_items,)."""
        if self._is_full:
            return factors @ self._table.take(rows, axis=0)
        places, lengths = self._places(rows)
        weights = self.weights[places] * np.repeat(factors, lengths)
        return np.bincount(self.items[places], weights, len(self)).astype(np.float32)

    def at(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """The weights of `rows` int (m,) for different `columns` int (n,), float32 (n, m)."""
        if self._is_full:
            return self._table[np.ix_(rows, columns)].T
        slots = np.full(len(self), -1, np.int32)
        slots[columns] = np.arange(len(columns))
        places, lengths = self._places(rows)
        wanted = slots[self.items[places]]
        met = np.flatnonzero(wanted >= 0)
        found = np.zeros((len(columns), len(rows)), np.float32)
        owners = np.repeat(np.arange(len(rows)), lengths)
        found[wanted[met], owners[met]] = self.weights[places[met]]
        return found

    @property
    def _is_full(self) -> bool:
        return 0 < len(self) ** 2 == len(self.weights)

    @property
    def _table(self) -> np.ndarray:
        return self.weights.reshape(len(self), -1)

    def _places(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the entries of `rows` stand, one row after the other, and how many each has."""
        starts = self.indptr[rows]
        lengths = self.indptr[rows + 1] - starts
        before = np.cumsum(lengths) - lengths
        return np.repeat(starts - before, lengths) + np.arange(lengths.sum()), lengths
