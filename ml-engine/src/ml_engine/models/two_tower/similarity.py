"""Item similarities: EASE's weights as a product of two thin tables.

B is EASE's item-to-item matrix (H. Steck, WWW 2019) over the most popular items. With D the
diagonal of damped item counts and W the first right singular vectors of D^1/2 B, the best
approximation of B where it is used is (B W) W'. Halko, Martinsson and Tropp, "Finding Structure
with Randomness", 2011, algorithm 4.4, finds W.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.models import ease

COUNT_DAMPING = 5.0
OVERSAMPLING = 16
POWER_ITERATIONS = 2


def factors(
    histories: Histories, n_items: int, rank: int, max_items: int, l2: float
) -> tuple[np.ndarray, np.ndarray]:
    """History and target vectors, float32 (n_items, r) each with r <= rank.

    Items beyond the `max_items` most popular get zeros; memory is 8 bytes times max_items
    squared. r is 0 where there are too few items to say anything.
    """
    counts = histories.item_weights(n_items)
    popular = np.argsort(-counts, kind="stable")[: min(max_items, int((counts > 0).sum()))]
    rank = min(rank, len(popular) - 1)
    if rank < 1:
        return np.zeros((n_items, 0), np.float32), np.zeros((n_items, 0), np.float32)
    new_index = np.full(n_items, -1, np.int32)
    new_index[popular] = np.arange(len(popular))
    kept = histories.keep(new_index[histories.items] >= 0)
    kept = replace(kept, items=new_index[kept.items])
    contents = [ItemContent()] * len(popular)
    weights = ease.fit(Dataset([""] * len(popular), contents, kept), l2).weights
    scale = np.sqrt(counts[popular] + COUNT_DAMPING).astype(np.float32)
    basis = _right_singular_vectors(weights * scale[:, None], rank)
    history, target = np.zeros((2, n_items, rank), np.float32)
    history[popular] = weights @ basis
    target[popular] = basis
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
