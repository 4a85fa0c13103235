"""The two-stage model as it serves: arrays and NumPy."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ml_engine.domain.interactions import Histories
from ml_engine.models.item_to_item import ItemRows
from ml_engine.models.two_stage.features import features
from ml_engine.models.two_stage.network import Network
from ml_engine.models.two_tower import TwoTower

NAME = "two-stage"


@dataclass(frozen=True, slots=True)
class TwoStage(TwoTower):
    """Towers whose scores retrieve candidates, which the network's corrections re-rank.

    The first `depth` candidates are corrected; `neighbours` has for each item the most similar
    ones, by who met them. Items that came later are known by their vectors alone.
    """

    name: str = NAME
    network: Network = field(kw_only=True)
    neighbours: ItemRows = field(kw_only=True)
    depth: int = field(kw_only=True)

    @classmethod
    def of(cls, towers: TwoTower, network: Network, neighbours: ItemRows, depth: int) -> TwoStage:
        """Both stages as one model."""
        return cls(
            towers.item_vectors,
            towers.history_vectors,
            towers.user_tower,
            towers.item_tower,
            network=network,
            neighbours=neighbours,
            depth=depth,
        )

    def corrections(
        self, vector: np.ndarray, weights: np.ndarray, items: np.ndarray, candidates: np.ndarray
    ) -> np.ndarray:
        """What to add to the scores of different `candidates`, int (n,), best first: float32 (n,).

        Those beyond `depth` get the least that one of the first gets, and so stay behind them.
        `vector` float32 (d,) and `weights` float32 (L,) are encode_user's for `items` int32 (L,).
        """
        first = candidates[: self.depth]
        found = self.network.corrections(
            features(self, self.neighbours, vector, weights, items, first)
        )
        rest = np.full(len(candidates) - len(first), found.min(initial=np.inf), np.float32)
        return np.concatenate([found, rest])

    def scores(self, histories: Histories) -> np.ndarray:
        """Inner products, and corrections of what is new to each user: float32 (n_users, n_items).

        Items that a user has met are no candidates.
        """
        scores = self.encode_users(histories) @ self.item_vectors.T
        for user in np.flatnonzero(histories.lengths).tolist():
            items, times = histories.row(user)
            vector, weights = self.encode_user(items, times, histories.emphasis(user))
            candidates = self._best_new(scores[user], items)
            if len(candidates):
                found = self.corrections(vector, weights, items, candidates)
                scores[user] += found.min()
                scores[user, candidates] += found - found.min()
        return scores

    def _best_new(self, scores: np.ndarray, met: np.ndarray) -> np.ndarray:
        """The `depth` items of the best `scores`, float32 (n_items,), best first, without `met`."""
        own = scores.copy()
        own[met] = -np.inf
        kept = min(self.depth, len(own))
        best = np.argpartition(-own, kept - 1)[:kept]
        best = best[own[best] > -np.inf]
        return best[np.lexsort((best, -own[best]))]
