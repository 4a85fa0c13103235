"""What the network is told of a candidate: its score by parts, and how near the history is.

The towers add up a history, so an item that is like one thing that the user met and unlike all
others scores low. The nearest few items of the history, and those that the same users met, say what
the sum does not.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ml_engine.models.item_to_item import ItemRows
from ml_engine.models.two_tower import TwoTower
from ml_engine.models.two_tower.lengths import normalised

NUMBER: Final = 10
"""Features of each candidate."""

NEAREST: Final = 3
LEAST_SIMILARITY: Final = np.float32(1e-3)


def features(
    towers: TwoTower,
    neighbours: ItemRows,
    vector: np.ndarray,
    weights: np.ndarray,
    items: np.ndarray,
    candidates: np.ndarray,
) -> np.ndarray:
    """Features of different `candidates`, int (n,), for one user: float32 (n, NUMBER).

    `vector` float32 (d,) is the user's, made of `items` int32 (L,) by `weights` float32 (L,).
    These are the learned part, the closed-form part and popularity's part of the score; the places
    among the candidates by score and by the first two parts; how many events count; how similar
    the history is by who met it; and the mean cosine to the nearest items of it in both parts.
    """
    met, weights = items[weights > 0], weights[weights > 0]
    learned, closed = slice(towers.user_tower.measured), slice(towers.user_tower.measured, -1)
    rows, history = towers.item_vectors.take(candidates, axis=0), towers.history_vectors[met]
    by_learned, by_closed = rows[:, learned] @ vector[learned], rows[:, closed] @ vector[closed]
    by_popularity = rows[:, -1] * vector[-1]
    other = candidates[:, None] != met[None, :]
    return np.column_stack(
        [
            by_learned,
            by_closed,
            by_popularity,
            _places(by_learned + by_closed + by_popularity),
            _places(by_learned),
            _places(by_closed),
            np.full(len(candidates), np.log1p(len(met)), np.float32),
            np.log(_met_together(neighbours, weights, met, candidates) + LEAST_SIMILARITY),
            _nearest(rows[:, learned], history[:, learned], other),
            _nearest(rows[:, closed], history[:, closed], other),
        ]
    )


def _places(values: np.ndarray) -> np.ndarray:
    """The logarithm of the place of each value, the largest's being 1: float32 (n,)."""
    places = np.empty(len(values), np.float32)
    places[np.argsort(-values, kind="stable")] = np.arange(1, len(values) + 1)
    return np.log(places)


def _met_together(
    neighbours: ItemRows, weights: np.ndarray, met: np.ndarray, candidates: np.ndarray
) -> np.ndarray:
    """Similarities to the history by who met both, events by their weights: float32 (n,)."""
    found = np.zeros(len(candidates), np.float32)
    if not len(met):
        return found
    # Items that came after training are similar to none.
    trained, known = met < len(neighbours), np.flatnonzero(candidates < len(neighbours))
    shares = weights[trained] / weights.mean()
    found[known] = neighbours.at(met[trained], candidates[known]) @ shares
    return found


def _nearest(rows: np.ndarray, history: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The mean cosine of each row, (n, r), to the NEAREST of `history`, (L, r): float32 (n,).

    Of the pairs that are `other` ones, bool (n, L): a candidate may have been met before.
    """
    if not history.size:
        return np.zeros(len(rows), np.float32)
    cosines = np.where(other, normalised(rows) @ normalised(history).T, np.float32(0))
    kept = min(NEAREST, cosines.shape[1])
    return np.partition(cosines, cosines.shape[1] - kept, axis=1)[:, -kept:].mean(axis=1)
