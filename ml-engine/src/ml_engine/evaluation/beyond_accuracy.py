"""What rankings are like beside right: how much of the catalogue, how novel, how popular.

`items` is int64 (n_users, k), -1 where a ranking has no more; `events` int64 (n_items,) counts the
training events of each item.
"""

from __future__ import annotations

import numpy as np

from ml_engine.domain.interactions import Histories

USERS_PER_BATCH = 4096


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


def diversity(items: np.ndarray, histories: Histories, n_items: int) -> np.ndarray:
    """Mean distance of the pairs of a ranking's items, float64 (n_users,).

    The distance is 1 - cosine of the users of `histories` who met the items, from 0 for items of
    the same users to 1 for items that nobody met both of (intra-list distance, Vargas and Castells,
    2011). A ranking of fewer than two items has 0.
    """
    if items.shape[1] < 2:
        return np.zeros(len(items))
    users_of = histories.to_csr(n_items).T.tocsr()
    users_of.data[:] = 1.0
    lengths = np.sqrt(np.asarray(users_of.sum(axis=1)).ravel())
    first, second = np.triu_indices(items.shape[1], 1)
    means = np.zeros(len(items))
    for start in range(0, len(items), USERS_PER_BATCH):
        ranked = items[start : start + USERS_PER_BATCH]
        met, places = np.unique(np.maximum(ranked, 0), return_inverse=True)
        places = places.reshape(ranked.shape)
        both = users_of[met] @ users_of[met].T
        products = both[places[:, first].ravel(), places[:, second].ravel()]
        products = np.asarray(products).reshape(-1, len(first))
        norms = (lengths[ranked[:, first]] * lengths[ranked[:, second]]).astype(np.float64)
        cosines = np.divide(products, norms, where=norms > 0, out=np.zeros_like(norms))
        there = (ranked[:, first] >= 0) & (ranked[:, second] >= 0)
        sums = np.where(there, 1 - cosines, 0.0).sum(axis=1)
        means[start : start + USERS_PER_BATCH] = sums / np.maximum(there.sum(axis=1), 1)
    return means


def _means(items: np.ndarray, values: np.ndarray) -> np.ndarray:
    there = items >= 0
    sums = np.where(there, values[np.maximum(items, 0)], 0.0).sum(axis=1)
    return sums / np.maximum(there.sum(axis=1), 1)
