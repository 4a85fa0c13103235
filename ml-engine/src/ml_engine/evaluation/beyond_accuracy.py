"""What rankings are like beside right: how much of the catalogue, how novel, how popular.

`items` is int64 (n_users, k), -1 where a ranking has no more; `events` int64 (n_items,) counts the
training events of each item.
"""

from __future__ import annotations

import numpy as np


def coverage(items: np.ndarray, n_items: int) -> float:
    """The share of the catalogue that is recommended to anybody (Ge et al., 2010)."""
    return len(np.unique(items[items >= 0])) / n_items


def novelty(items: np.ndarray, events: np.ndarray) -> np.ndarray:
    """Mean self-information of a ranking's items in bits, float64 (n_users,).

    -log2 of the item's share of all events, one event added to each (Vargas and Castells, 2011).
    """
    shares = (events + 1) / (events.sum() + len(events))
    return _means(items, -np.log2(shares))


def popularity_bias(items: np.ndarray, events: np.ndarray) -> np.ndarray:
    """Mean popularity percentile of a ranking's items, float64 (n_users,).

    0 is the least popular item of the catalogue and 1 the most; items of as many events share
    their mean. Items drawn at random come to 0.5.
    """
    _, of_item, counts = np.unique(events, return_inverse=True, return_counts=True)
    last = np.cumsum(counts) - 1
    percentiles = (last - (counts - 1) / 2) / max(len(events) - 1, 1)
    return _means(items, percentiles[of_item])


def _means(items: np.ndarray, values: np.ndarray) -> np.ndarray:
    there = items >= 0
    sums = np.where(there, values[np.maximum(items, 0)], 0.0).sum(axis=1)
    return sums / np.maximum(there.sum(axis=1), 1)
