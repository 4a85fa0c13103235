"""What every index of item vectors answers to."""

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ml_engine.retrieval.selector import Selector

SCAN: Final = "scan"
"""The kind of index, as metrics name it, of an answer for which every item was scored."""

Found = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Scores and positions of a search, (m, k) each."""


class VectorIndex(Protocol):
    """Finds the items whose vectors have the largest inner products with a user's."""

    @property
    def index_type(self) -> str:
        """The kind of index, as metrics name it."""
        ...

    @property
    def vectors(self) -> NDArray[np.float32]:
        """The vectors (n, d) as they are now, good until the next ones are added."""
        ...

    def __len__(self) -> int: ...

    def add(self, vectors: NDArray[np.float32]) -> None:
        """Append vectors of shape (n, d); their positions follow the last one."""
        ...

    def replace(self, positions: list[int], vectors: NDArray[np.float32]) -> None:
        """Set the vectors, (n, d), at positions that were added after the index was built."""
        ...

    def search(self, vectors: NDArray[np.float32], k: int, among: Selector | None = None) -> Found:
        """Scores and positions of the `k` best items for each of `vectors` (m, d), best first.

        Where fewer are `among` the selected ones, or there are fewer items, the rest have
        position -1, and only there: an answer is never short while there are eligible items.
        """
        ...
