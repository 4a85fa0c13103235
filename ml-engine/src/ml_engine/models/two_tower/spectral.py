"""The spectrum of the interactions: where the descent of the tables begins, and tables by itself.

A = Du^-1/2 X Di^-1/2, with the damped degrees Du of the users and Di of the items in X; W and s are
its first right singular vectors and values. Damping keeps small groups that met nobody else out of
the first dimensions (Qin and Rohe, NIPS 2013).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lu
from scipy.sparse import csr_matrix, diags_array

OVERSAMPLING = 32
POWER_ITERATIONS = 4
LEAST_DEGREE = np.float32(1e-9)
USERS_AT_ONCE = 32_768
"""So that memory grows with the items and not with the users."""


def decomposition(
    histories: csr_matrix, rank: int, damping: float
) -> tuple[np.ndarray, np.ndarray]:
    """W float32 (n_items, r) and s float32 (r,), descending, r <= rank.

    `histories` csr (n_users, n_items) of weights.
    """
    by_user = 1 / _roots(histories.sum(axis=1), damping)
    by_item = 1 / _roots(histories.sum(axis=0), damping)
    scaled = csr_matrix(diags_array(by_user) @ histories @ diags_array(by_item))
    blocks = [
        (block, block.T.tocsr())
        for first in range(0, len(by_user), USERS_AT_ONCE)
        for block in [scaled[first : first + USERS_AT_ONCE]]
    ]
    width = min(rank + OVERSAMPLING, len(by_user), len(by_item))
    # The sketch is always the same, so that the same data gives the same model.
    sketch = np.random.default_rng(0).standard_normal((len(by_item), width), np.float32)
    for _ in range(POWER_ITERATIONS - 1):
        # The triangle of a LU keeps the columns apart as well as QR does, in less time.
        sketch = lu(_across(blocks, sketch), permute_l=True, overwrite_a=True)[0]
    basis = np.linalg.qr(_across(blocks, sketch))[0]
    squares, rotation = np.linalg.eigh(basis.T @ _across(blocks, basis))
    descending = np.argsort(-squares)[:rank]
    vectors = np.ascontiguousarray(basis @ rotation[:, descending])
    return vectors, np.sqrt(np.maximum(squares[descending], 0))


def _across(blocks: list[tuple[csr_matrix, csr_matrix]], columns: np.ndarray) -> np.ndarray:
    """A'A `columns`, float32 (n_items, k), by blocks of A's rows and these flipped."""
    total = np.zeros_like(columns)
    for block, flipped in blocks:
        total += flipped @ (block @ columns)
    return total


def low_pass(histories: csr_matrix, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """History and target vectors, float32 (n_items, r) each, r <= rank, of a graph's low pass.

    The scores are X Di^-1/2 W s^1/2 W' Di^1/2 but for the users' own factors: GF-CF's ideal filter
    (Shen et al., CIKM 2021) with more of what is smooth. The first dimensions are those of a
    smaller rank; items that nobody met have zeros.
    """
    vectors, values = decomposition(histories, rank, 0.0)
    roots = _roots(histories.sum(axis=0), 0.0)[:, None]
    return vectors * np.sqrt(values) / roots, vectors * roots


def _roots(degrees: np.ndarray, damping: float) -> np.ndarray:
    damped = np.asarray(degrees, np.float32).ravel() + np.float32(damping)
    return np.sqrt(np.maximum(damped, LEAST_DEGREE))
