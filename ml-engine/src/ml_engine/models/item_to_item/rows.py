"""A sparse item-to-item matrix, or a full one, by rows; NumPy alone reads it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class ItemRows:
    """Row j is `items[indptr[j]:indptr[j + 1]]` and their `weights`.

    `indptr` int64 (n_items + 1,), `items` int32 (nnz,) ascending in each row, `weights` float32
    (nnz,).
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
        """Row j has `items[j]`, ascending, with `weights[j]`: (n_items, k) both, -1 is no item."""
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
        if len(self.weights) == len(self) ** 2:
            return factors @ self.weights.reshape(len(self), -1).take(rows, axis=0)
        starts = self.indptr[rows]
        lengths = self.indptr[rows + 1] - starts
        before = np.cumsum(lengths) - lengths
        places = np.repeat(starts - before, lengths) + np.arange(lengths.sum())
        weights = self.weights[places] * np.repeat(factors, lengths)
        return np.bincount(self.items[places], weights, len(self)).astype(np.float32)

    def at(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """The weights of `rows` int (m,) for `columns` int32 (n,), float32 (n, m)."""
        found = np.zeros((len(columns), len(rows)), np.float32)
        for place, row in enumerate(rows.tolist()):
            kept = slice(self.indptr[row], self.indptr[row + 1])
            items, weights = self.items[kept], self.weights[kept]
            if len(items):
                near = np.minimum(np.searchsorted(items, columns), len(items) - 1)
                found[:, place] = np.where(items[near] == columns, weights[near], 0)
        return found
