"""Exact search by inner product, on FAISS."""

import faiss
import numpy as np
from numpy.typing import NDArray

from ml_engine.retrieval.index import Found
from ml_engine.retrieval.rows import Rows
from ml_engine.retrieval.selector import Selector

FLAT = "flat"


class FlatIndex:
    """Item vectors, searched exhaustively: exact, and the fastest while a catalogue is small."""

    index_type = FLAT

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        """Index `vectors` of shape (number_of_items, dimensions), which stay the caller's too."""
        self._rows = Rows(vectors)
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(np.ascontiguousarray(vectors, dtype=np.float32))

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def vectors(self) -> NDArray[np.float32]:
        """The vectors (number_of_items, dimensions), good until the next ones are added."""
        return self._rows.table

    def add(self, vectors: NDArray[np.float32]) -> None:
        """Append vectors of shape (n, dimensions); their positions follow the last one."""
        self._index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        self._rows.append(vectors)

    def replace(self, positions: list[int], vectors: NDArray[np.float32]) -> None:
        """Set the vectors, (n, dimensions), at some positions."""
        self._rows.table[positions] = vectors
        stored = faiss.rev_swig_ptr(self._index.get_xb(), len(self) * self._index.d)
        stored.reshape(len(self), self._index.d)[positions] = vectors

    def search(self, vectors: NDArray[np.float32], k: int, among: Selector | None = None) -> Found:
        """Scores and positions (m, k) of the `k` best items for each of `vectors` (m, d)."""
        parameters = None if among is None else among.parameters
        return self._index.search(vectors, k, params=parameters)
