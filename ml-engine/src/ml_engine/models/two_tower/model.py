"""The two-tower model as it serves: arrays and NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from ml_engine.domain.interactions import Histories, ItemContent
from ml_engine.models.two_tower.item_tower import ItemTower
from ml_engine.models.two_tower.user_tower import UserTower


@dataclass(frozen=True, slots=True)
class TwoTower:
    """Scores an item by the inner product of its vector with the user's.

    `item_vectors` float32 (n_items, d) go into the index, `history_vectors` float32 (n_items, d)
    are what the user tower adds up; the item's own popularity is their last dimension.
    """

    item_vectors: np.ndarray
    history_vectors: np.ndarray
    user_tower: UserTower
    item_tower: ItemTower
    name: str = "two-tower"

    @property
    def n_items(self) -> int:
        """Number of items that it scores."""
        return len(self.item_vectors)

    @property
    def dimensions(self) -> int:
        """Dimensions d of the item and user vectors."""
        return self.item_vectors.shape[1]

    def scores(self, histories: Histories) -> np.ndarray:
        """Inner products, float32 (n_users, n_items)."""
        return self.encode_users(histories) @ self.item_vectors.T

    def encode_users(self, histories: Histories) -> np.ndarray:
        """User vectors, float32 (n_users, d)."""
        return self.user_tower.encode_users(self.history_vectors, histories)

    def encode_user(
        self, items: np.ndarray, times: np.ndarray, emphasis: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """One user's vector float32 (d,) and event weights float32 (L,).

        `items` int32 (L,), `times` int64 (L,) ms and `emphasis` float32 (L,), the weights of the
        event types (None for ones), oldest first; L may be 0.
        """
        return self.user_tower.encode_user(self.history_vectors, items, times, emphasis)

    def encode_taste(self, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vector float32 (d,) of what goes with `items` int32 (L,), and their weights (L,).

        For items without times: neither popularity nor trends have a part in it, so the score
        of an item is the sum of the contributions.
        """
        times = np.zeros(len(items), np.int64)
        return self.user_tower.encode_taste(self.history_vectors, items, times)

    def encode_items(self, contents: Sequence[ItemContent]) -> tuple[np.ndarray, np.ndarray]:
        """Target and history vectors from content alone, float32 (n, d) each."""
        return self.item_tower.encode_items(contents)

    def encode_content(self, content: ItemContent) -> np.ndarray | None:
        """Vector float32 (d,) of a user who met one item of such content; None if it says nothing.

        Popularity and trend are those of a user without events.
        """
        if not self.item_tower.rows([content])[0]:
            return None
        history = self.encode_items([content])[1]
        return self.user_tower.scaled(history)[0] + self.user_tower.constant(None)

    def with_vectors(self, item_vectors: np.ndarray, history_vectors: np.ndarray) -> Self:
        """The same model with more items at the end."""
        return replace(self, item_vectors=item_vectors, history_vectors=history_vectors)

    def directions(self, positions: np.ndarray) -> np.ndarray:
        """What the items are like, whatever their popularity: float32 (n, d - 1) of length 1 or 0.

        `positions` int (n,); the inner product of two rows is the cosine of the items.
        """
        vectors = self.item_vectors[positions, :-1]
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.divide(vectors, lengths, where=lengths > 0, out=np.zeros_like(vectors))

    def contributions(
        self, weights: np.ndarray, items: np.ndarray, positions: Sequence[int]
    ) -> np.ndarray:
        """What each event adds to the scores of some items, a_j <h_j, v_i>, float32 (n, L).

        `weights` float32 (L,) are encode_user's for `items` int32 (L,). The rest of the score of
        each of the n items at `positions` is the constant part's.
        """
        history = self.history_vectors.take(items, axis=0) * weights[:, None]
        return self.item_vectors.take(positions, axis=0) @ history.T
