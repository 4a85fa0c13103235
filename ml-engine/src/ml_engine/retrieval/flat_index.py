"""Exact search by inner product, on FAISS."""

from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Selector:
    """The positions among which a search looks, in the form that FAISS wants."""

    parameters: Any
    bitmap: NDArray[np.uint8]

    @classmethod
    def of(cls, mask: NDArray[np.bool_]) -> "Selector":
        """Of the positions where `mask`, bool (number_of_items,), is true."""
        bitmap = np.packbits(mask, bitorder="little")
        selector = faiss.IDSelectorBitmap(bitmap)  # pyright: ignore[reportCallIssue]  from NumPy
        parameters = faiss.SearchParameters(sel=selector)  # pyright: ignore[reportCallIssue]
        # FAISS keeps a pointer to the bitmap alone: it must live as long as the parameters.
        return cls(parameters, bitmap)


class FlatIndex:
    """Item vectors, searched exhaustively: exact, and the fastest while a catalogue is small."""

    index_type = "flat"

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        """Index `vectors` of shape (number_of_items, dimensions)."""
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        # Asking FAISS takes microseconds.
        self._length = 0
        self.add(vectors)

    def __len__(self) -> int:
        return self._length

    def add(self, vectors: NDArray[np.float32]) -> None:
        """Append vectors of shape (n, dimensions); their positions follow the last one."""
        self._index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        self._length += len(vectors)

    def replace(self, positions: list[int], vectors: NDArray[np.float32]) -> None:
        """Set the vectors, (n, dimensions), at some positions."""
        stored = faiss.rev_swig_ptr(self._index.get_xb(), len(self) * self._index.d)
        stored.reshape(len(self), self._index.d)[positions] = vectors

    def search(
        self, vectors: NDArray[np.float32], k: int, among: Selector | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores and positions of the `k` best items for each of `vectors` (m, dimensions).

        Both are of shape (m, k), best first; where fewer are `among` the selected ones, or there
        are fewer items, the rest have position -1.
        """
        parameters = None if among is None else among.parameters
        return self._index.search(vectors, k, params=parameters)
