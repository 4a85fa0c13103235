"""Candidates: the best eligible items by some score, any number of them, ties by position."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ml_engine.retrieval.eligibility import Eligible
from ml_engine.retrieval.personal import ByVectors
from ml_engine.retrieval.serving_model import ServingModel

MAX_FETCH = 2_048
"""From here on scoring everything is faster than a search that keeps so many."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Positions, best first, with the parts of their scores.

    No boosts are boosts of 0, and no corrections, those of a second stage, are ones of 0.
    """

    positions: Sequence[int]
    model_scores: Sequence[float]
    boosts: Sequence[float] | None = None
    corrections: Sequence[float] | None = None

    def __len__(self) -> int:
        return len(self.positions)

    def parts(self) -> tuple[Sequence[float], Sequence[float], Sequence[float]]:
        """Model scores, boosts and corrections of all."""
        none = [0.0] * len(self)
        return self.model_scores, self.boosts or none, self.corrections or none


@dataclass(slots=True)
class Placed:
    """One item of the answer and what its score is made of."""

    position: int
    model_score: float
    boost: float = 0.0
    correction: float = 0.0
    penalty: float = 0.0
    pinned: bool = False

    @property
    def score(self) -> float:
        """What ranked it, the pin aside."""
        return self.model_score + self.boost + self.correction - self.penalty


@dataclass(frozen=True, slots=True)
class Search:
    """One search of an index: for `vector` float32 (d,), among `vectors` float32 (n, d).

    Only those where `mask`, bool (m,), is true were eligible, all where it is None. `positions`
    int64 (k,) were found, best first, -1 where there were no more.
    """

    vector: NDArray[np.float32]
    vectors: NDArray[np.float32]
    mask: NDArray[np.bool_] | None
    positions: NDArray[np.int64]


class Source(Protocol):
    """Where candidates come from."""

    def best(self, k: int, without: NDArray[np.bool_] | None = None) -> Candidates:
        """The `k` best, fewer only where no more are eligible; none of `without`, bool (n,)."""
        ...

    def score(self, position: int) -> tuple[float, float]:
        """An item's score and boost, whether it is eligible or not."""
        ...


class Scan:
    """All items scored: by a model that scores all, or since boosts and diversity speak of all.

    `scores` float64 (n,), `mask` bool (n,) the eligible ones; `boosts` float64 (n,) in units of
    the spread.
    """

    def __init__(
        self,
        scores: NDArray[np.float64],
        mask: NDArray[np.bool_],
        boosts: NDArray[np.float64] | None = None,
    ) -> None:
        self._scores = scores
        self._positions = np.flatnonzero(mask)
        self._boosts = None if boosts is None else boosts * self.spread
        self._totals = scores if self._boosts is None else scores + self._boosts

    @cached_property
    def spread(self) -> float:
        """Standard deviation of the eligible items' scores; 1 where these are all equal."""
        eligible = self._scores[self._positions]
        if len(eligible) == 0 or eligible.min() == eligible.max():
            return 1.0
        return float(eligible.std())

    def best(self, k: int, without: NDArray[np.bool_] | None = None) -> Candidates:
        """The best by score and boost together."""
        positions = self._positions
        if without is not None:
            positions = positions[~without[positions]]
        totals = self._totals[positions]
        if k < len(totals):
            threshold = -np.partition(-totals, k - 1)[k - 1]
            above, tied = np.flatnonzero(totals > threshold), np.flatnonzero(totals == threshold)
            kept = np.sort(np.concatenate([above, tied[: k - len(above)]]))
        else:
            kept = np.arange(len(totals))
        found = positions[kept[np.argsort(-totals[kept], kind="stable")]]
        boosts = None if self._boosts is None else self._boosts[found].tolist()
        return Candidates(found.tolist(), self._scores[found].tolist(), boosts)

    def score(self, position: int) -> tuple[float, float]:
        """An item's score and boost."""
        boost = 0.0 if self._boosts is None else float(self._boosts[position])
        return float(self._scores[position]), boost


class Nearest:
    """The items nearest to a vector, by the index; `excluded` positions are left out."""

    def __init__(
        self,
        personal: ByVectors,
        vector: NDArray[np.float32],
        eligible: Eligible,
        excluded: set[int],
        found: tuple[NDArray[np.float32], NDArray[np.int64]] | None = None,
    ) -> None:
        """`found` are the scores and positions of a search that was already made."""
        self._personal = personal
        self._vector = vector
        self._eligible = eligible
        self._excluded = excluded
        self._found = found

    def best(self, k: int, without: NDArray[np.bool_] | None = None) -> Candidates:
        """By one search for as many more as may be dropped, and one to see whether a tie is cut."""
        fetch = min(fetched(k, self._excluded), len(self._personal.index))
        if fetch > MAX_FETCH or without is not None:
            return self._scan.best(k, without)
        scores, positions = self._search(fetch)
        excluded = self._excluded
        pairs = [
            (score, position)
            for score, position in zip(scores.tolist(), positions.tolist(), strict=True)
            if position >= 0 and position not in excluded
        ]
        # Of equal scores the search keeps any; which ones come first only a scan can tell.
        if len(pairs) > k and pairs[k - 1][0] == pairs[-1][0]:
            return self._scan.best(k)
        del pairs[k:]
        found_scores, found = [score for score, _ in pairs], [position for _, position in pairs]
        # They come best first, so that only equal ones can be in the wrong order.
        if len(set(found_scores)) < len(pairs):
            pairs.sort(key=lambda pair: (-pair[0], pair[1]))
            found = [position for _, position in pairs]
        return Candidates(found, found_scores)

    def score(self, position: int) -> tuple[float, float]:
        """An item's score."""
        return float(self._vector @ self._personal.model.item_vectors[position]), 0.0

    def searched(self) -> Search | None:
        """What the index was asked and answered, None where it was not needed."""
        if self._found is None:
            return None
        vectors, mask = self._personal.model.item_vectors, self._eligible.mask
        return Search(self._vector, vectors, mask, self._found[1])

    def _search(self, fetch: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        if self._found is not None and len(self._found[0]) >= fetch:
            return self._found
        selector = self._eligible.selector
        scores, positions = self._personal.index.search(self._vector[None, :], fetch, selector)
        return scores[0], positions[0]

    @cached_property
    def _scan(self) -> Scan:
        mask = self._eligible.without(self._excluded, len(self._personal.index))
        return Scan(self._personal.scores(self._vector), mask)


class Popular:
    """The most popular items, by the order that is kept; `excluded` positions are left out."""

    def __init__(self, serving: ServingModel, eligible: Eligible, excluded: set[int]) -> None:
        self._serving = serving
        self._mask = eligible.mask
        self._excluded = excluded

    def best(self, k: int, without: NDArray[np.bool_] | None = None) -> Candidates:
        """From the order that is kept."""
        order = self._serving.by_popularity
        if self._mask is not None:
            order = order[self._mask[order]]
        if without is not None:
            order = order[~without[order]]
        first = order[: k + len(self._excluded)].tolist()
        found = [position for position in first if position not in self._excluded][:k]
        return Candidates(found, self._serving.popularity[found].tolist())

    def score(self, position: int) -> tuple[float, float]:
        """An item's popularity."""
        return float(self._serving.popularity[position]), 0.0


def fetched(k: int, excluded: set[int]) -> int:
    """How many a search asks for to be left with `k` and the one after them."""
    return k + len(excluded) + 1
