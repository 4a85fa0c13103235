"""A model of item-to-item weights as it serves: arrays and NumPy.

Item i has the score

    s_i = gain p_i + sum_j a_j B_ji

of a history's items j, where B is sparse and p is how popular each item is, between 0 and 1. The
p-th newest event has a_j = e_j p^-position_power, e_j being the weight of its type; of several
events with one item the one that weighs most counts alone, as in fitting. So a_j B_ji is exactly
what event j adds to the score of item i, and the rest is the item's popularity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ml_engine.domain.interactions import Histories, ItemContent
from ml_engine.models.item_to_item.rows import ItemRows

LEAST_GAIN = 1e-4
"""Of popularity, where it is asked what goes with items: it orders what nothing is known of."""


@dataclass(frozen=True, slots=True)
class ItemToItem:
    """Scores all items at once: a user's vector is the items' scores, float32 (n_items,).

    `rows` holds B, row j the items that j leads to; `popularity` float32 (n_items,), 0 to 1. Items
    that came later are no part of `rows`.
    """

    name: str
    rows: ItemRows
    popularity: np.ndarray
    gain: float = LEAST_GAIN
    position_power: float = 0.0

    @property
    def n_items(self) -> int:
        """Number of items that it scores."""
        return len(self.popularity)

    def scores(self, histories: Histories) -> np.ndarray:
        """Scores, float32 (n_users, n_items)."""
        scores = np.empty((histories.n_users, self.n_items), np.float32)
        for user in range(histories.n_users):
            items, times = histories.row(user)
            scores[user] = self.encode_user(items, times, histories.emphasis(user))[0]
        return scores

    def encode_user(
        self,
        items: np.ndarray,
        times: np.ndarray,  # noqa: ARG002  the order of events is all that counts
        emphasis: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """One user's scores float32 (n_items,) and event weights float32 (L,).

        `items` int32 (L,), oldest first, and `emphasis` float32 (L,), the weights of the event
        types (None for ones).
        """
        weights = np.arange(len(items), 0, -1, dtype=np.float32) ** -np.float32(self.position_power)
        return self._encode(items, weights if emphasis is None else weights * emphasis, self.gain)

    def encode_taste(self, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores float32 (n_items,) of what goes with `items` int32 (L,), and their weights (L,).

        Popularity orders only the items that go with none of them.
        """
        return self._encode(items, np.ones(len(items), np.float32), LEAST_GAIN)

    def encode_content(self, content: ItemContent) -> np.ndarray | None:  # noqa: ARG002
        """None: content says nothing to a model that knows who met what."""
        return None

    def contributions(
        self, weights: np.ndarray, items: np.ndarray, positions: Sequence[int]
    ) -> np.ndarray:
        """What each event adds to the scores of the items at `positions`, float32 (n, L)."""
        asked = np.asarray(positions, np.int64)
        scored = np.flatnonzero(asked < len(self.rows))
        known = np.flatnonzero(weights * (items < len(self.rows)))
        found = np.zeros((len(asked), len(items)), np.float32)
        found[np.ix_(scored, known)] = self.rows.at(items[known], asked[scored])
        return found * weights

    def with_items(self, n_items: int) -> ItemToItem:
        """The same with more items at the end, that lead nowhere and are not popular."""
        return replace(self, popularity=np.pad(self.popularity, (0, n_items - self.n_items)))

    def _encode(
        self, items: np.ndarray, weights: np.ndarray, gain: float
    ) -> tuple[np.ndarray, np.ndarray]:
        weights = _heaviest(items, weights)
        known = np.flatnonzero(weights * (items < len(self.rows)))
        scores = np.float32(gain) * self.popularity
        scores[: len(self.rows)] += self.rows.added(items[known], weights[known])
        return scores, weights


def _heaviest(items: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`weights` float32 (L,) with 0 for all but the heaviest event of each item."""
    order = np.lexsort((weights, items))
    ordered = items[order]
    last = np.ones(len(items), bool)
    last[:-1] = ordered[1:] != ordered[:-1]
    kept = np.zeros(len(items), np.float32)
    kept[order[last]] = weights[order[last]]
    return kept


def relative_popularity(counts: np.ndarray) -> np.ndarray:
    """log(1 + events) of each item by that of the most popular, float32 (n_items,), 0 to 1."""
    logs = np.log1p(counts)
    return (logs / max(float(logs.max(initial=0.0)), np.finfo(np.float32).tiny)).astype(np.float32)
