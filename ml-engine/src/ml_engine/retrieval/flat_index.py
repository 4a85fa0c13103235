"""Exact search by inner product, on FAISS."""

import faiss
import numpy as np
from numpy.typing import NDArray


class FlatIndex:
    """Item vectors, searched exhaustively: exact, and the fastest while a catalogue is small."""

    index_type = "flat"

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        """Index `vectors` of shape (number_of_items, dimensions)."""
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self.add(vectors)

    def __len__(self) -> int:
        return self._index.ntotal

    def add(self, vectors: NDArray[np.float32]) -> None:
        """Append vectors of shape (n, dimensions); their positions follow the last one."""
        self._index.add(np.ascontiguousarray(vectors, dtype=np.float32))

    def search(
        self, vector: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores and positions of the `k` best items, best first, for a vector (dimensions,)."""
        scores, positions = self._index.search(vector[None, :], min(k, len(self)))
        return scores[0], positions[0]
