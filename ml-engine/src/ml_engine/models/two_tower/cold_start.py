"""Content vectors learned from the trained items by ridge regression.

W = (C' N C + l2 I)^-1 C' N V, with C the items' features and an intercept, V their trained
vectors and N = diag(events of the item, damped): what an item's content says of its vector.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_engine.domain.interactions import ItemContent
from ml_engine.models.two_tower.item_tower import ItemTower, vocabulary
from ml_engine.models.two_tower.parameters import TwoTowerParameters

MAX_FEATURES = 1024
RIDGE = 5.0


def feature_matrix(contents: Sequence[ItemContent], names: list[str]) -> np.ndarray:
    """0/1 matrix float32 (n_items, len(names) + 1), its last column the intercept."""
    empty = np.zeros((len(names) + 1, 0), np.float32)
    matrix = np.zeros((len(contents), len(names) + 1), np.float32)
    for item, rows in enumerate(ItemTower(names, empty, empty).rows(contents)):
        matrix[item, rows] = 1.0
    matrix[:, -1] = 1.0
    return matrix


def learn(
    contents: Sequence[ItemContent],
    target: np.ndarray,
    history: np.ndarray,
    counts: np.ndarray,
    parameters: TwoTowerParameters,
) -> ItemTower:
    """The item tower that comes closest to the trained vectors of the items with events.

    `target` and `history` float32 (n_items, d), `counts` int (n_items,) events of each item.
    """
    met = np.flatnonzero(counts)
    known = [contents[int(item)] for item in met]
    names = vocabulary(known, parameters.content_min_items, MAX_FEATURES)
    features = feature_matrix(known, names)
    # Rare items count most: a new item is rare at first, and its popularity should be theirs.
    weighted = features / np.sqrt(counts[met].astype(np.float32))[:, None]
    gram = weighted.T @ features
    penalty = np.full(len(gram), RIDGE, np.float32)
    penalty[-1] = 1e-3
    gram[np.diag_indices_from(gram)] += penalty
    wanted = np.concatenate([target[met], history[met]], axis=1)
    solution = np.linalg.solve(gram, weighted.T @ wanted).astype(np.float32)
    d = target.shape[1]
    return ItemTower(
        names,
        np.ascontiguousarray(solution[:, :d]),
        np.ascontiguousarray(solution[:, d:]),
    )
