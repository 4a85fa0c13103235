"""A set of positions in the form that FAISS wants."""

from functools import cached_property
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray


class Selector:
    """The positions among which a search looks: those where `mask`, bool (m,), is true."""

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self.mask = mask
        # FAISS keeps a pointer to the bitmap alone: it must live as long as what points to it.
        self._bitmap = np.packbits(mask, bitorder="little")
        self.ids: Any = faiss.IDSelectorBitmap(self._bitmap)  # pyright: ignore[reportCallIssue]  from NumPy
        self.parameters: Any = faiss.SearchParameters(sel=self.ids)  # pyright: ignore[reportCallIssue]

    @cached_property
    def size(self) -> int:
        """How many positions there are."""
        return int(np.count_nonzero(self.mask))
