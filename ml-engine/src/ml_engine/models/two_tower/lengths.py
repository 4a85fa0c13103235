"""Lengths of vectors, and vectors brought to a length."""

from __future__ import annotations

import numpy as np

SHORTEST = np.float32(1e-9)
"""Shorter vectors have no direction."""


def normalised(rows: np.ndarray) -> np.ndarray:
    """The rows at length 1, float32 (n, d)."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), SHORTEST)


def typical(rows: np.ndarray) -> np.float32:
    """The root of the mean square of the rows' lengths."""
    return np.sqrt((rows**2).sum(axis=1).mean())
