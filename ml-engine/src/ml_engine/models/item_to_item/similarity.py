"""Which items are met by the same users, in bounded memory."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from ml_engine.domain.interactions import Histories

MAX_EVENTS = 500
"""Newest events of a user that count: pairs of items grow with their square."""

MAX_PAIRS = 100_000_000
"""Pairs of items within histories, at most: beyond, a sample of the users stands for all. The
matrix of all pairs has 0.8 GB at most, and the similarities made of it take as much."""


def sampled(histories: Histories, n_items: int) -> csr_matrix:
    """The users' entries, csr float32 (n_users, n_items), of which few enough pairs can be made."""
    from_end = np.repeat(histories.indptr[1:], histories.lengths) - np.arange(histories.n_events)
    matrix = histories.keep(from_end <= MAX_EVENTS).to_csr(n_items)
    order = np.random.default_rng(0).permutation(histories.n_users)
    pairs = np.cumsum(np.diff(matrix.indptr)[order].astype(np.int64) ** 2)
    if len(pairs) == 0 or pairs[-1] <= MAX_PAIRS:
        return matrix
    return matrix[np.sort(order[: np.searchsorted(pairs, MAX_PAIRS, side="right")])]


def gram(matrix: csr_matrix) -> csr_matrix:
    """X'X, csr float32 (n_items, n_items) with ascending indices."""
    found = csr_matrix(matrix.T.tocsr() @ matrix)
    found.sort_indices()
    return found


def cosines(pairs: csr_matrix, shrinkage: float) -> csr_matrix:
    """G_ij / (sqrt(G_ii G_jj) + shrinkage) of `pairs` G, without the diagonal."""
    roots = np.sqrt(pairs.diagonal())
    lengths = np.diff(pairs.indptr)
    # In place, since these arrays are as long as there are pairs.
    norms = np.repeat(roots, lengths)
    norms *= roots[pairs.indices]
    norms += np.float32(shrinkage)
    data = np.divide(pairs.data, norms, out=norms)
    data[np.repeat(np.arange(len(roots), dtype=np.int32), lengths) == pairs.indices] = 0
    return csr_matrix((data, pairs.indices, pairs.indptr), shape=(len(roots), len(roots)))


def strongest(similar: csr_matrix, n_kept: int) -> tuple[np.ndarray, np.ndarray]:
    """The `n_kept` items of the largest weights above 0 of each row, by item.

    int32 and float32 (n_items, k), k being `n_kept` or the length of the longest row; a place that
    is left has item -1 and weight 0.
    """
    n_items = len(similar.indptr) - 1
    n_kept = min(n_kept, int(np.diff(similar.indptr).max()))
    items = np.full((n_items, n_kept), -1, np.int32)
    weights = np.zeros((n_items, n_kept), np.float32)
    for row in range(n_items):
        entries = slice(similar.indptr[row], similar.indptr[row + 1])
        values: np.ndarray = similar.data[entries]
        if len(values) > n_kept:
            best = np.sort(np.argpartition(-values, n_kept - 1)[:n_kept])
        else:
            best = np.arange(len(values))
        best = best[values[best] > 0]
        items[row, : len(best)] = similar.indices[entries][best]
        weights[row, : len(best)] = values[best]
    return items, weights
