"""EASE, a linear item-to-item model in closed form.

H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, equation 8:
P = (X'X + l2 I)^-1, B_ij = -P_ij / P_jj for i != j, and B_ii = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import (
    spotrf,  # pyright: ignore[reportAttributeAccessIssue]  made by f2py, in no stub
    spotri,  # pyright: ignore[reportAttributeAccessIssue]
)

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset, Histories


@dataclass(frozen=True, slots=True)
class Ease:
    """Item-to-item weights, float32 (n_items, n_items), with a zero diagonal."""

    weights: np.ndarray
    name: str = "ease"

    def scores(self, histories: Histories) -> np.ndarray:
        """X B for the users' rows X, float32 (n_users, n_items)."""
        return histories.to_csr(len(self.weights)) @ self.weights


def fit(dataset: Dataset, l2: float) -> Ease:
    """Solve for B with the ridge penalty `l2` > 0 (in interactions).

    Only items with events enter the system, so memory is 8 bytes times their number squared
    and time is cubic in it. Raises NotEnoughData where there are no events.
    """
    if l2 <= 0:
        raise ValueError("l2 must be positive")
    met = np.flatnonzero(np.bincount(dataset.histories.items, minlength=dataset.n_items))
    if len(met) == 0:
        raise NotEnoughData("an event")
    matrix = dataset.histories.to_csr(dataset.n_items)[:, met]
    inverse = _inverse((matrix.T @ matrix).toarray(), l2)
    inverse /= -np.diag(inverse).copy()[None, :]
    np.fill_diagonal(inverse, 0.0)
    if len(met) == dataset.n_items:
        return Ease(inverse)
    weights = np.zeros((dataset.n_items, dataset.n_items), np.float32)
    weights[np.ix_(met, met)] = inverse
    return Ease(weights)


def _inverse(gram: np.ndarray, l2: float) -> np.ndarray:
    """(gram + l2 I)^-1 by Cholesky in place, float32 (n, n)."""
    gram[np.diag_indices_from(gram)] += l2
    # A symmetric matrix's transpose is itself in the column order that LAPACK works on in place.
    factor, failed = spotrf(gram.T, lower=1, overwrite_a=1)
    if failed:
        raise ValueError("the ridge system is not positive definite: raise l2")
    inverse, failed = spotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise ValueError("the ridge system cannot be inverted: raise l2")
    # The inverse fills only the lower triangle; by blocks, so that no second copy is made.
    n, block = len(inverse), 1024
    for start in range(0, n, block):
        stop = min(start + block, n)
        corner = inverse[start:stop, start:stop]
        corner[:] = np.tril(corner) + np.tril(corner, -1).T
        inverse[start:stop, stop:] = inverse[stop:, start:stop].T
    return np.ascontiguousarray(inverse.T)
