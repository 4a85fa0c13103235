"""Diversity: maximal marginal relevance.

J. Carbonell and J. Goldstein, "The Use of MMR, Diversity-Based Reranking", SIGIR 1998. The next
item is the one with the largest

    score_i - strength / (1 - strength) * spread * max(0, largest cosine of i with those chosen)
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml_engine.retrieval.candidates import Candidates, Placed, Scan
from ml_engine.retrieval.caps import Caps
from ml_engine.retrieval.serving_model import ServingModel

MAX_STRENGTH = 0.999
"""The strength that 1 stands for, so that penalties stay finite."""

MIN_POOL, MAX_POOL = 200, 500
"""How many more candidates than items are looked at, at least and at most."""


def pool_size(num_items: int) -> int:
    """How many candidates are looked at to choose `num_items`."""
    return num_items + min(max(4 * num_items, MIN_POOL), MAX_POOL)


class Diversifier:
    """Chooses from pools of candidates, one after the other."""

    def __init__(self, serving: ServingModel, source: Scan, strength: float, caps: Caps) -> None:
        share = min(strength, MAX_STRENGTH)
        self._factor = share / (1 - share) * source.spread
        self._serving = serving
        self._caps = caps

    def choose(self, pool: Candidates, chosen: Sequence[Placed], num_items: int) -> list[Placed]:
        """Up to `num_items` more, beside those `chosen` before."""
        positions = np.array(pool.positions, np.int64)
        before = np.array([one.position for one in chosen], np.int64)
        directions = self._serving.directions(np.concatenate([positions, before]))
        own, others = directions[: len(positions)], directions[len(positions) :]
        nearest = np.zeros(len(positions))
        if len(others):
            nearest = np.maximum((own @ others.T).max(axis=1), 0.0)
        return self._greedy(pool, positions, own, nearest, num_items)

    def _greedy(
        self,
        pool: Candidates,
        positions: NDArray[np.int64],
        directions: NDArray[np.float32],
        nearest: NDArray[np.float64],
        num_items: int,
    ) -> list[Placed]:
        parts = np.array(pool.parts(), np.float64)
        relevance = parts.sum(axis=0)
        taken = np.zeros(len(positions), dtype=bool)
        placed: list[Placed] = []
        while len(placed) < num_items:
            values = relevance - self._factor * nearest
            values[taken | self._caps.blocked[positions]] = -np.inf
            best = int(np.argmax(values)) if len(values) else 0
            if not len(values) or values[best] == -np.inf:
                break
            penalty = float(self._factor * nearest[best])
            position = pool.positions[best]
            placed.append(Placed(position, *parts[:, best].tolist(), penalty=penalty))
            taken[best] = True
            self._caps.take(position)
            np.maximum(nearest, directions @ directions[best], out=nearest)
        return placed
