"""What every model answers to."""

from collections.abc import Sequence
from typing import Protocol, Self, runtime_checkable

import numpy as np

from ml_engine.domain.interactions import Histories, ItemContent


class Model(Protocol):
    """Scores items for users who are known only by their histories."""

    @property
    def name(self) -> str:
        """Name under which the model is reported."""
        ...

    def scores(self, histories: Histories) -> np.ndarray:
        """Scores, float32 (n_users, n_items); higher is better, only their order counts."""
        ...


class PersonalModel(Model, Protocol):
    """Encodes a user as a vector and tells what each event has in the user's scores."""

    @property
    def n_items(self) -> int:
        """Number of items that it scores."""
        ...

    def encode_user(
        self, items: np.ndarray, times: np.ndarray, emphasis: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """One user's vector float32 (d,) and event weights float32 (L,).

        `items` int32 (L,), `times` int64 (L,) ms and `emphasis` float32 (L,), the weights of the
        event types (None for ones), oldest first; L may be 0.
        """
        ...

    def encode_taste(self, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vector float32 (d,) of what goes with `items` int32 (L,), and their weights (L,)."""
        ...

    def encode_content(self, content: ItemContent) -> np.ndarray | None:
        """Vector float32 (d,) of a user who met one such item; None if the content says nothing."""
        ...

    def contributions(
        self, weights: np.ndarray, items: np.ndarray, positions: Sequence[int]
    ) -> np.ndarray:
        """What each event adds to the scores of the items at `positions`, float32 (n, L).

        `weights` float32 (L,) are encode_user's for `items` int32 (L,).
        """
        ...


class InnerProductModel(PersonalModel, Protocol):
    """Scores an item by the inner product of its vector with the user's: what an index serves.

    Rows of `item_vectors` go into the index, those of `history_vectors` make users; both float32
    (n_items, d), and an item that comes later has its rows from its content.
    """

    @property
    def item_vectors(self) -> np.ndarray: ...  # noqa: D102

    @property
    def history_vectors(self) -> np.ndarray: ...  # noqa: D102

    def encode_users(self, histories: Histories) -> np.ndarray:
        """User vectors, float32 (n_users, d)."""
        ...

    def encode_items(self, contents: Sequence[ItemContent]) -> tuple[np.ndarray, np.ndarray]:
        """Rows for `item_vectors` and `history_vectors` from content alone, float32 (n, d) each."""
        ...

    def directions(self, positions: np.ndarray) -> np.ndarray:
        """Rows for items at `positions` int (n,) whose inner products are cosines, float32."""
        ...

    def with_vectors(self, item_vectors: np.ndarray, history_vectors: np.ndarray) -> Self:
        """The same model with more items at the end."""
        ...


@runtime_checkable
class ReRankingModel(Protocol):
    """Has a second stage, which corrects the scores of a user's candidates."""

    @property
    def depth(self) -> int:
        """How many candidates are re-ranked."""
        ...

    def corrections(
        self, vector: np.ndarray, weights: np.ndarray, items: np.ndarray, candidates: np.ndarray
    ) -> np.ndarray:
        """What to add to the scores of different `candidates`, int (n,), best first: float32 (n,).

        `vector` float32 (d,) and `weights` float32 (L,) are encode_user's for `items` int32 (L,).
        Corrected by it, those beyond `depth` stay behind the others.
        """
        ...


@runtime_checkable
class ScoringModel(PersonalModel, Protocol):
    """Scores all items by itself: a user's vector is the items' scores, float32 (n_items,)."""

    def with_items(self, n_items: int) -> Self:
        """The same model with more items at the end, of which it knows nothing."""
        ...
