"""Percentile bootstrap over users (Efron and Tibshirani, 1993, section 13.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with the ends of its confidence interval."""

    mean: float
    low: float
    high: float


def interval(
    values: np.ndarray, seed: int, confidence: float = 0.95, resamples: int = 1000
) -> Interval:
    """Interval of the mean of `values`, float (n_users,), n_users >= 1."""
    if len(values) == 0:
        raise ValueError("an interval needs at least one value")
    rng = np.random.default_rng(seed)
    n = len(values)
    means = np.array([values[rng.integers(0, n, n)].mean() for _ in range(resamples)])
    tail = (1.0 - confidence) / 2
    low, high = np.quantile(means, [tail, 1.0 - tail])
    return Interval(float(values.mean()), float(low), float(high))
