"""Ranking metrics at a cut-off k, one value a user.

`hits` is bool (n_users, k): whether the item at each rank was held out. `n_relevant` int
(n_users,) counts the user's held-out items and is at least 1. All return float64 (n_users,).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Metric = Callable[[np.ndarray, np.ndarray], np.ndarray]


def ndcg(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """DCG = sum over ranks r of hit_r / log2(r + 1), over that of an ideal ranking."""
    k = hits.shape[1]
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discounts)[np.minimum(n_relevant, k) - 1]
    return (hits @ discounts) / ideal


def average_precision(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """Sum over hit ranks r of precision@r, over min(k, n_relevant); its mean is MAP@k."""
    k = hits.shape[1]
    precisions = np.cumsum(hits, axis=1) / np.arange(1, k + 1)
    return (precisions * hits).sum(axis=1) / np.minimum(n_relevant, k)


def precision(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:  # noqa: ARG001  one shape
    """Hits over k."""
    return hits.mean(axis=1)


def recall(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:
    """Hits over n_relevant."""
    return hits.sum(axis=1) / n_relevant


def hit_rate(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:  # noqa: ARG001  one shape
    """1 where there is any hit, else 0."""
    return np.asarray(hits.any(axis=1), np.float64)


def reciprocal_rank(hits: np.ndarray, n_relevant: np.ndarray) -> np.ndarray:  # noqa: ARG001  one shape
    """1 over the rank of the first hit, 0 without any; its mean is MRR@k."""
    return np.where(hits.any(axis=1), 1.0 / (1 + hits.argmax(axis=1)), 0.0)


METRICS: dict[str, Metric] = {
    "ndcg": ndcg,
    "map": average_precision,
    "precision": precision,
    "recall": recall,
    "hit_rate": hit_rate,
    "mrr": reciprocal_rank,
}
