"""ALS as it serves: arrays and NumPy.

Y. Hu, Y. Koren and C. Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM
2008. With Y the item vectors and c_j = 1 + alpha w_j the confidence in event j of weight w_j, a
user's vector is, by equation 4,

    x = A^-1 sum_j c_j y_j,   A = Y'Y + lambda I + sum_j (c_j - 1) y_j y_j'

so that c_j <A^-1 y_j, y_i> is exactly what event j adds to the score of item i (section 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ml_engine.domain.interactions import Histories, ItemContent
from ml_engine.models.two_tower import ItemTower

NAME = "als"


@dataclass(frozen=True, slots=True)
class Als:
    """Scores an item by the inner product of its vector with the user's.

    `item_vectors` float32 (n_items, d) go into the index; `history_vectors` are the same numbers,
    of which users are made. `gram` float32 (d, d) is Y'Y + lambda I of the trained items.
    """

    item_vectors: np.ndarray
    history_vectors: np.ndarray
    gram: np.ndarray
    alpha: float
    item_tower: ItemTower
    name: str = NAME

    @property
    def n_items(self) -> int:
        """Number of items that it scores."""
        return len(self.item_vectors)

    def scores(self, histories: Histories) -> np.ndarray:
        """Inner products, float32 (n_users, n_items)."""
        return self.encode_users(histories) @ self.item_vectors.T

    def encode_users(self, histories: Histories) -> np.ndarray:
        """User vectors, float32 (n_users, d); of an empty history zeros."""
        vectors = np.empty((histories.n_users, self.item_vectors.shape[1]), np.float32)
        for user in range(histories.n_users):
            events = slice(histories.indptr[user], histories.indptr[user + 1])
            weights = None if histories.weights is None else histories.weights[events]
            vectors[user] = self._encode(histories.items[events], weights)[0]
        return vectors

    def encode_user(
        self,
        items: np.ndarray,
        times: np.ndarray,  # noqa: ARG002  the order of events says nothing here
        emphasis: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """One user's vector float32 (d,) and the confidences float32 (L,) of its events.

        `items` int32 (L,); `emphasis` float32 (L,), the weights of the event types (None for
        ones). Of several events with an item the one that weighs most counts, as in training.
        """
        return self._encode(items, emphasis)

    def encode_taste(self, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vector float32 (d,) of what goes with `items` int32 (L,), and their confidences (L,)."""
        return self._encode(items, None)

    def encode_items(self, contents: Sequence[ItemContent]) -> tuple[np.ndarray, np.ndarray]:
        """Target and history vectors from content alone, float32 (n, d) each: the same."""
        return self.item_tower.encode_items(contents)

    def encode_content(self, content: ItemContent) -> np.ndarray | None:
        """Vector float32 (d,) of a user who met one such item; None if the content says nothing."""
        if not self.item_tower.rows([content])[0]:
            return None
        rows = self.encode_items([content])[1]
        confidences = np.full(1, 1 + self.alpha, np.float32)
        return self._solve(rows, confidences, confidences @ rows)

    def directions(self, positions: np.ndarray) -> np.ndarray:
        """The items' vectors at length 1 or 0, float32 (n, d), for `positions` int (n,)."""
        vectors = self.item_vectors[positions]
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.divide(vectors, lengths, where=lengths > 0, out=np.zeros_like(vectors))

    def contributions(
        self, weights: np.ndarray, items: np.ndarray, positions: Sequence[int]
    ) -> np.ndarray:
        """What each event adds to the scores of some items, float32 (n, L); the sum is the score.

        `weights` float32 (L,) are encode_user's for `items` int32 (L,).
        """
        rows = self.history_vectors[items]
        solved = self._solve(rows, weights, self.item_vectors.take(positions, axis=0).T)
        return solved.T @ (rows * weights[:, None]).T

    def with_vectors(self, item_vectors: np.ndarray, history_vectors: np.ndarray) -> Als:
        """The same with more items at the end, which leave the trained ones' `gram` as it is."""
        return replace(self, item_vectors=item_vectors, history_vectors=history_vectors)

    def _encode(
        self, items: np.ndarray, weights: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        weights = np.ones(len(items), np.float32) if weights is None else weights
        heaviest = np.lexsort((weights, items))
        heaviest = heaviest[np.append(np.diff(items[heaviest]) != 0, [True] * (len(items) > 0))]
        confidences = np.zeros(len(items), np.float32)
        confidences[heaviest] = 1 + np.float32(self.alpha) * weights[heaviest]
        rows = self.history_vectors[items]
        return self._solve(rows, confidences, confidences @ rows), confidences

    def _solve(self, rows: np.ndarray, confidences: np.ndarray, right: np.ndarray) -> np.ndarray:
        """A^-1 `right`, for events of confidence 0 (none) or more with items of vectors `rows`."""
        more = np.maximum(confidences - 1, 0)
        return np.linalg.solve(self.gram + (rows.T * more) @ rows, right)
