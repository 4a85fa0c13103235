"""Item vectors from the spectrum of the interactions: where the descent of the tables begins.

A = Du^-1/2 X Di^-1/2, with the damped degrees Du of the users and Di of the items in X; W and s are
its first right singular vectors and values. An item's vector is its row of W s^1/2. Damping keeps
small groups that met nobody else out of the first dimensions (Qin and Rohe, NIPS 2013).
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix, diags_array

OVERSAMPLING = 32
POWER_ITERATIONS = 4
LEAST_DEGREE = np.float32(1e-9)


def vectors(histories: csr_matrix, rank: int, damping: float) -> np.ndarray:
    """float32 (n_items, r), r <= rank, from `histories`, csr (n_users, n_items) of weights."""
    by_user = _inverse_roots(histories.sum(axis=1), damping)
    by_item = _inverse_roots(histories.sum(axis=0), damping)
    scaled = csr_matrix(diags_array(by_user) @ histories @ diags_array(by_item))
    flipped = scaled.T.tocsr()
    width = min(rank + OVERSAMPLING, len(by_user), len(by_item))
    # The sketch is always the same, so that the same data gives the same model.
    sketch = np.random.default_rng(0).standard_normal((len(by_item), width), np.float32)
    for _ in range(POWER_ITERATIONS):
        sketch = np.linalg.qr(flipped @ (scaled @ sketch))[0]
    _, values, rotation = np.linalg.svd(scaled @ sketch, full_matrices=False)
    return np.ascontiguousarray(((sketch @ rotation.T) * np.sqrt(values))[:, :rank])


def _inverse_roots(degrees: np.ndarray, damping: float) -> np.ndarray:
    damped = np.asarray(degrees, np.float32).ravel() + np.float32(damping)
    return np.float32(1.0) / np.sqrt(np.maximum(damped, LEAST_DEGREE))
