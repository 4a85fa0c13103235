"""Percentile bootstrap over users (Efron and Tibshirani, 1993, section 13.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with the ends of its confidence interval."""

    mean: float
    low: float
    high: float


def intervals(
    measures: Mapping[str, np.ndarray], seed: int, confidence: float = 0.95, resamples: int = 1000
) -> dict[str, Interval]:
    """Interval of the mean of each measure, float (n_users,), n_users >= 1, by its name.

    All of them on the same resamples of users, so that each is drawn once.
    """
    values = np.column_stack(list(measures.values()))
    n = len(values)
    if n == 0:
        raise ValueError("an interval needs at least one value")
    rng = np.random.default_rng(seed)
    means = np.empty((resamples, values.shape[1]))
    for row in means:
        row[:] = np.bincount(rng.integers(0, n, n), minlength=n) @ values / n
    tail = (1.0 - confidence) / 2
    low, high = np.quantile(means, [tail, 1.0 - tail], axis=0)
    ends = zip(values.mean(axis=0).tolist(), low.tolist(), high.tolist(), strict=True)
    return {name: Interval(*each) for name, each in zip(measures, ends, strict=True)}
