"""Content vectors learned from the trained items by ridge regression.

W = (C' N C + l2 I)^-1 C' N V, with C the items' features and an intercept, V their trained
vectors and N = diag(1 / sqrt(events of the item)): what an item's content says of its vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from scipy.sparse import csr_matrix

from ml_engine.domain.interactions import ItemContent
from ml_engine.models.two_tower.item_tower import ItemTower, vocabulary

MAX_FEATURES = 1024
RIDGE = 5.0
INTERCEPT_RIDGE = 1e-3


def feature_matrix(contents: Sequence[ItemContent], names: list[str]) -> csr_matrix:
    """0/1 matrix float32 (n_items, len(names) + 1), its last column the intercept."""
    empty = np.zeros((len(names) + 1, 0), np.float32)
    intercept = [len(names)]
    rows = [known + intercept for known in ItemTower(names, empty, empty).rows(contents)]
    indptr = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=indptr[1:])
    columns = np.fromiter(chain.from_iterable(rows), np.int32, int(indptr[-1]))
    ones = np.ones(len(columns), np.float32)
    return csr_matrix((ones, columns, indptr), shape=(len(rows), len(names) + 1))


def learn(
    contents: Sequence[ItemContent],
    target: np.ndarray,
    history: np.ndarray,
    counts: np.ndarray,
    min_items: int,
) -> ItemTower:
    """The item tower that comes closest to the trained vectors of the items with events.

    `target` and `history` float32 (n_items, d), `counts` (n_items,) weights of each item's events;
    features of fewer than `min_items` items are left out.
    """
    met = np.flatnonzero(counts)
    known = [contents[int(item)] for item in met]
    names = vocabulary(known, min_items, MAX_FEATURES)
    features = feature_matrix(known, names)
    # Rare items count most: a new item is rare at first, and its popularity should be theirs.
    importance = 1.0 / np.sqrt(counts[met].astype(np.float32))
    weighted = features.multiply(importance[:, None]).tocsr().T
    gram = (weighted @ features).toarray()
    gram[np.diag_indices_from(gram)] += np.append(np.full(len(names), RIDGE), INTERCEPT_RIDGE)

    def solved(vectors: np.ndarray) -> np.ndarray:
        return np.linalg.solve(gram, weighted @ vectors[met]).astype(np.float32)

    return ItemTower(names, solved(target), solved(history))
