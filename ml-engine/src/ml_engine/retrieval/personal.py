"""The model of a tenant as it serves, kept up with the catalogue.

A model of vectors is served by an index of them. One that scores all items by itself needs none:
the vector of a user is the scores of the items, and candidates are the best of these.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ml_engine.domain.interactions import ItemContent
from ml_engine.models.model import InnerProductModel, PersonalModel, ReRankingModel, ScoringModel
from ml_engine.retrieval.flat_index import FlatIndex
from ml_engine.retrieval.index import VectorIndex
from ml_engine.retrieval.rows import Rows


class Personal(Protocol):
    """Scores of candidates from what a model makes of a history."""

    @property
    def model(self) -> PersonalModel:
        """What encodes users, and tells what their events have in the scores."""
        ...

    @property
    def depth(self) -> int:
        """How many candidates of a user a second stage of the model re-ranks; 0 without one."""
        ...

    def scores(self, vector: NDArray[np.float32]) -> NDArray[np.float64]:
        """Every item's score for a user's vector, float64 (n,)."""
        ...

    def append(self, contents: Sequence[ItemContent]) -> None:
        """Take in new items by their content alone."""
        ...

    def renew(self, positions: Sequence[int], contents: Sequence[ItemContent]) -> None:
        """Follow new content of items; those that were trained keep what was learned of them."""
        ...


class ByVectors:
    """A model of vectors, and the index of its item vectors: one is never without the other."""

    def __init__(self, model: InnerProductModel, index: VectorIndex) -> None:
        """Serve `model` with an index of its item vectors."""
        self.model = model
        self.index = index
        self.depth = model.depth if isinstance(model, ReRankingModel) else 0
        self._trained = len(index)
        self._histories = Rows(model.history_vectors)

    def scores(self, vector: NDArray[np.float32]) -> NDArray[np.float64]:
        """Every item's score; the same vectors have the same scores to the last bit."""
        # A BLAS product may add up the same row in another order, depending on where it stands.
        return np.einsum("ij,j->i", self.model.item_vectors, vector).astype(np.float64)

    def append(self, contents: Sequence[ItemContent]) -> None:
        """Take in new items by their content alone."""
        target, history = self.model.encode_items(contents)
        self.index.add(target)
        self.model = self.model.with_vectors(self.index.vectors, self._histories.append(history))

    def renew(self, positions: Sequence[int], contents: Sequence[ItemContent]) -> None:
        """Follow new content of items; those that were trained keep what was learned of them."""
        changed = [(p, c) for p, c in zip(positions, contents, strict=True) if p >= self._trained]
        if not changed:
            return
        places = [position for position, _ in changed]
        target, history = self.model.encode_items([content for _, content in changed])
        self.model.history_vectors[places] = history
        self.index.replace(places, target)


class ByScores:
    """A model that scores all items by itself; it knows nothing of new ones until it is trained."""

    depth = 0

    def __init__(self, model: ScoringModel) -> None:
        """Serve `model` without an index."""
        self.model = model

    def scores(self, vector: NDArray[np.float32]) -> NDArray[np.float64]:
        """The vector itself."""
        return vector.astype(np.float64)

    def append(self, contents: Sequence[ItemContent]) -> None:
        """Make room for new items, of which nothing is known."""
        self.model = self.model.with_items(self.model.n_items + len(contents))

    def renew(self, positions: Sequence[int], contents: Sequence[ItemContent]) -> None:
        """Content says nothing to such a model."""


def personal(
    model: InnerProductModel | ScoringModel, index: VectorIndex | None = None
) -> ByVectors | ByScores:
    """What serves `model`; of vectors without an index the search is exact."""
    if isinstance(model, ScoringModel):
        return ByScores(model)
    return ByVectors(model, index or FlatIndex(model.item_vectors))
