"""Approximate search by inner product: candidates from FAISS, exact scores, and new items.

The largest inner product becomes the smallest distance where each item's vector x is continued by
sqrt(M^2 - |x|^2), M being the longest vector's length, and the user's by 0 (Bachrach et al.,
"Speeding Up the Xbox Recommender System Using a Euclidean Transformation for Inner-Product
Spaces", RecSys 2014, equation 3), and the user's is brought to length M too. FAISS keeps 16 bits a
dimension of them; what it finds is scored again by the vectors themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import NDArray

from ml_engine.retrieval.index import Found
from ml_engine.retrieval.rows import Rows
from ml_engine.retrieval.selector import Selector

IVF: Final = "ivf"
HNSW: Final = "hnsw"

EXACT_AMONG: Final = 5_000
"""So few eligible items are scored one by one: exact, and as quick as a search among them."""

SPARE: Final = 24
"""Candidates beyond the wanted ones, since 16 bits order near ones wrongly."""

DEPTH: Final = 50
"""To this many candidates the effort holds; deeper searches take more in proportion."""

GROWTH: Final = 4
GROWTHS: Final = 3
"""A search that found too few looks so many times further, and so many times, before all items."""

ALIGNED: Final = 16
"""Dimensions are filled up to a multiple of this: others FAISS decodes one by one, not by SIMD."""

HNSW_LINKS: Final = 32
POINTS_PER_LIST: Final = 40
"""Vectors that the centre of a list is learned from."""


@dataclass(frozen=True, slots=True)
class Codes:
    """An index of FAISS over trained items, and how much of it a search looks at.

    `effort` is the number of lists of an `ivf`, the length of the queue of an `hnsw`.
    """

    index_type: str
    index: Any
    effort: int

    def search(self, point: NDArray[np.float32], k: int, effort: int, ids: Any) -> Any:
        """Positions int64 of the `k` nearest to `point` (d,), fewer where no more are met.

        `ids` is the FAISS selector of the eligible ones, or None.
        """
        row = np.zeros((1, self.index.d), np.float32)
        row[0, : len(point)] = point
        parameters = _PARAMETERS[self.index_type](effort, ids)
        positions = self.index.search(row, k, params=parameters)[1][0]
        return positions if positions[-1] >= 0 else positions[positions >= 0]


def build(index_type: str, vectors: NDArray[np.float32], effort: int) -> Codes:
    """Codes of `vectors` (n, d), n being at least 1; the same vectors give the same ones."""
    n, d = vectors.shape
    points = np.zeros((n, -(-(d + 1) // ALIGNED) * ALIGNED), np.float32)
    points[:, :d] = vectors
    squares = np.einsum("ij,ij->i", vectors, vectors)
    points[:, d] = np.sqrt(np.maximum(squares.max() - squares, 0.0))
    if index_type == HNSW:
        index = faiss.index_factory(points.shape[1], f"HNSW{HNSW_LINKS},SQfp16", faiss.METRIC_L2)
        index.train(points)
    else:
        lists = max(1, int(2 * np.sqrt(n)))
        index = faiss.index_factory(points.shape[1], f"IVF{lists},SQfp16", faiss.METRIC_L2)
        # FAISS would learn from all points that it is given.
        wanted = min(n, lists * POINTS_PER_LIST)
        index.train(points[np.random.default_rng(0).choice(n, wanted, replace=False)])
    index.add(points)
    return Codes(index_type, index, effort)


class ApproximateIndex:
    """Item vectors searched by their codes; items that came later are scored one by one."""

    def __init__(self, codes: Codes, vectors: NDArray[np.float32]) -> None:
        """Search `vectors` (number_of_items, d), of the first of which there are `codes`."""
        self.codes = codes
        self._coded = int(codes.index.ntotal)
        self._all = np.arange(self._coded)
        trained = vectors[: self._coded]
        self._radius = np.sqrt(np.einsum("ij,ij->i", trained, trained).max())
        self._rows = Rows(vectors)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def index_type(self) -> str:
        """The kind of its codes."""
        return self.codes.index_type

    @property
    def vectors(self) -> NDArray[np.float32]:
        """The vectors (number_of_items, d), good until the next ones are added."""
        return self._rows.table

    def add(self, vectors: NDArray[np.float32]) -> None:
        """Append vectors of shape (n, d); their positions follow the last one."""
        self._rows.append(vectors)

    def replace(self, positions: list[int], vectors: NDArray[np.float32]) -> None:
        """Set the vectors, (n, d), at positions that have no codes."""
        if min(positions, default=self._coded) < self._coded:
            raise ValueError("vectors that have codes stay as they were built")
        self._rows.table[positions] = vectors

    def search(self, vectors: NDArray[np.float32], k: int, among: Selector | None = None) -> Found:
        """Scores and positions (m, k) of the `k` best items for each of `vectors` (m, d)."""
        scores = np.full((len(vectors), k), -np.inf, np.float32)
        positions = np.full((len(vectors), k), -1, np.int64)
        for row, vector in enumerate(vectors):
            candidates = self._candidates(vector, k, among)
            # Not by BLAS, so that equal vectors have equal scores wherever they stand.
            found = np.einsum("ij,j->i", self._rows.table[candidates], vector)
            best = np.lexsort((candidates, -found))[:k]
            scores[row, : len(best)] = found[best]
            positions[row, : len(best)] = candidates[best]
        return scores, positions

    def _candidates(
        self, vector: NDArray[np.float32], k: int, among: Selector | None
    ) -> NDArray[np.int64]:
        """At least `k` positions, or all eligible ones where these are fewer."""
        if among is not None and among.size <= EXACT_AMONG:
            return np.flatnonzero(among.mask)
        found = self._by_codes(vector, k, among)
        if len(self) == self._coded:
            return found
        later = np.arange(self._coded, len(self))
        if among is not None:
            later = self._coded + np.flatnonzero(among.mask[self._coded :])
        return np.concatenate([found, later])

    def _by_codes(
        self, vector: NDArray[np.float32], k: int, among: Selector | None
    ) -> NDArray[np.int64]:
        eligible = self._all if among is None else np.flatnonzero(among.mask[: self._coded])
        wanted = min(2 * k + SPARE, len(eligible))
        if wanted == 0:
            return eligible
        # Where a filter leaves few, as many of them stand in that many more lists.
        effort = self.codes.effort * max(1, k // DEPTH) * (self._coded // len(eligible))
        ids = None if among is None else among.ids
        length = np.linalg.norm(vector)
        point = vector * (self._radius / length) if length > 0 else vector
        for _ in range(GROWTHS):
            found = self.codes.search(point, wanted, effort, ids)
            if len(found) >= min(k, wanted):
                return found
            effort *= GROWTH
        return (
            np.arange(self._coded) if among is None else np.flatnonzero(among.mask[: self._coded])
        )


def _ivf_parameters(effort: int, ids: Any) -> Any:
    return faiss.SearchParametersIVF(nprobe=effort, sel=ids)  # pyright: ignore[reportCallIssue]


def _hnsw_parameters(effort: int, ids: Any) -> Any:
    return faiss.SearchParametersHNSW(efSearch=effort, sel=ids)  # pyright: ignore[reportAttributeAccessIssue]


_PARAMETERS: Final[dict[str, Callable[[int, Any], Any]]] = {
    IVF: _ivf_parameters,
    HNSW: _hnsw_parameters,
}
