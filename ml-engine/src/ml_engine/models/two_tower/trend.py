"""The trend: how popular each item is after a given moment, as a low-rank table.

log p(i | t) is estimated by an exponential kernel over the training events after t (and, less,
just before), shrunk towards overall popularity; then M_ki = b_i + <T_k, V_i>, where the columns
of T are the first left singular vectors of M - b.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_engine.domain.interactions import MILLISECONDS_PER_DAY, Histories

LOOK_BACK_DAYS = 3.0
LOOK_BACK_WEIGHT = 0.3
PRIOR_EVENTS = 20.0
UNSEEN_EVENTS = 0.3


@dataclass(frozen=True, slots=True)
class Trend:
    """`knots` int64 (K,) ms; float32 `popularity` (n_items,), `knot_vectors` (K, r) and
    `item_vectors` (n_items, r): their sum of products is the log-popularity at each knot.
    """

    knots: np.ndarray
    popularity: np.ndarray
    knot_vectors: np.ndarray
    item_vectors: np.ndarray


def estimate(histories: Histories, n_items: int, n_knots: int, rank: int, days: float) -> Trend:
    """Trend with at most `n_knots` knots at quantiles of the event times.

    Without times there is one knot and rank 0: only overall popularity.
    """
    counts = histories.item_weights(n_items) + UNSEEN_EVENTS
    overall = np.log(counts / counts.sum())
    knots = np.unique(np.quantile(histories.times, np.linspace(0, 1, n_knots)).astype(np.int64))
    if not histories.has_times or len(knots) < 2:
        return Trend(
            knots[:1],
            overall.astype(np.float32),
            np.zeros((1, 0), np.float32),
            np.zeros((n_items, 0), np.float32),
        )
    prior = PRIOR_EVENTS * np.exp(overall)
    table = np.empty((len(knots), n_items))
    for row, knot in enumerate(knots):
        ahead = (histories.times - knot) / MILLISECONDS_PER_DAY
        kernel = np.where(
            ahead >= 0,
            np.exp(-np.maximum(ahead, 0) / days),
            LOOK_BACK_WEIGHT * np.exp(np.minimum(ahead, 0) / LOOK_BACK_DAYS),
        )
        if histories.weights is not None:
            kernel *= histories.weights
        mass = np.bincount(histories.items, kernel, minlength=n_items)
        table[row] = np.log((mass + prior) / (mass.sum() + PRIOR_EVENTS))
    popularity = table.mean(axis=0)
    table -= popularity
    # The few knots' own products have the same left singular vectors, in ascending order.
    _, left = np.linalg.eigh(table @ table.T)
    left = left[:, ::-1][:, : min(rank, n_items)]
    return Trend(
        knots,
        popularity.astype(np.float32),
        np.ascontiguousarray(left, np.float32),
        (table.T @ left).astype(np.float32),
    )
