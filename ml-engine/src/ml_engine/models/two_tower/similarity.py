"""Item similarities: item-to-item weights as a product of two thin tables.

B is EASE's item-to-item matrix (H. Steck, WWW 2019) over the most popular items, alone or with what
comes next (`transitions`). With D the diagonal of damped item counts and W the first right singular
vectors of D^1/2 B, the best approximation of B where it is used is (B W) W'. Halko, Martinsson and
Tropp, "Finding Structure with Randomness", 2011, algorithm 4.4, finds W.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.models import ease

COUNT_DAMPING = 5.0
OVERSAMPLING = 16
POWER_ITERATIONS = 2


def weights(
    histories: Histories, n_items: int, items: np.ndarray, l2: float, user_power: float = 0.0
) -> np.ndarray:
    """EASE's weights among `items`, float32 (m, m); memory is 8 bytes times m squared.

    A user with n events counts n^-user_power times, in proportion: as many users as before in all.
    """
    histories = _levelled(histories, user_power) if user_power else histories
    new_index = np.full(n_items, -1, np.int32)
    new_index[items] = np.arange(len(items))
    kept = histories.keep(new_index[histories.items] >= 0)
    kept = replace(kept, items=new_index[kept.items])
    contents = [ItemContent()] * len(items)
    return ease.fit(Dataset([""] * len(items), contents, kept), l2).weights


def _levelled(histories: Histories, user_power: float) -> Histories:
    """Weights whose squares, of which EASE's equations are made, say how often a user counts."""
    lengths = histories.lengths
    counts = np.maximum(lengths, 1.0) ** -user_power
    counts *= lengths.sum() / (counts * lengths).sum()
    by_event = np.sqrt(counts)[histories.users]
    if histories.weights is not None:
        by_event *= histories.weights
    return replace(histories, weights=by_event.astype(np.float32))


def most_met(histories: Histories, n_items: int, n: int) -> np.ndarray:
    """Up to `n` items that were met at all, the most popular first, int64."""
    counts = histories.item_weights(n_items)
    return np.argsort(-counts, kind="stable")[: min(n, int((counts > 0).sum()))]


def thin(
    weights: np.ndarray, histories: Histories, n_items: int, items: np.ndarray, rank: int
) -> tuple[np.ndarray, np.ndarray]:
    """History and target vectors of item-to-item `weights`, float32 (m, m), among `items`.

    float32 (n_items, r) each with r <= rank, zeros for all other items. The cut loses least where
    items were met most.
    """
    rank = min(rank, len(items) - 1)
    counts = histories.item_weights(n_items)[items]
    scale = np.sqrt(counts + COUNT_DAMPING).astype(np.float32)
    basis = _right_singular_vectors(weights * scale[:, None], rank)
    history, target = np.zeros((2, n_items, rank), np.float32)
    history[items] = weights @ basis
    target[items] = basis
    return history, target


def _right_singular_vectors(matrix: np.ndarray, rank: int) -> np.ndarray:
    """The first `rank` right singular vectors, float32 (n, rank), by a range finder."""
    width = min(rank + OVERSAMPLING, matrix.shape[1])
    # The sketch is always the same, so that the same data gives the same model.
    sketch = np.random.default_rng(0).standard_normal((matrix.shape[1], width), np.float32)
    for _ in range(POWER_ITERATIONS):
        sketch = np.linalg.qr(matrix.T @ np.linalg.qr(matrix @ sketch)[0])[0]
    _, _, rotation = np.linalg.svd(matrix @ sketch, full_matrices=False)
    return (sketch @ rotation.T)[:, :rank]
