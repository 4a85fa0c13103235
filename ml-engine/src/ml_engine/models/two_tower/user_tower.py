"""The user tower: encodes a history, so that a new user or event needs no retraining.

For a history's items j, newest first at positions p = 0, 1, ..., with age t_j (days before the
newest event), of which the newest `L = len(position_weights)` count:

    u   = sum_j a_j h_j + c(time of the newest event)
    a_j = e_j w_p exp(-decay t_j) / (sum of these)^normalisation

or, where the tower has a length, all a_j multiplied so that the sum of the a_j h_j is as long as
that in its first dimensions, those that are learned.
e_j is the weight of the event's type. All a_j >= 0 and u is linear in the h_j given them, so
a_j <h_j, v_i> is exactly what event j adds to the score of item i. c, the trend, interpolates
between the two nearest of the time knots and stands still outside of them; without any event it
is that of the last knot.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

import numpy as np

from ml_engine.domain.interactions import MILLISECONDS_PER_DAY, Histories
from ml_engine.models.two_tower.lengths import SHORTEST

MAX_AGE_DAYS = 365.0


@dataclass(frozen=True, slots=True)
class UserTower:
    """Weights of the history and the table of the trend.

    `position_weights` float32 (L,); `decay` per day; `normalisation` in 0..1; `knots` int64 (K,)
    ms, ascending, K = 1 for no trend; `trend_table` float32 (K, d), with 1 in the dimension of
    an item's popularity, which every user takes once; `length` of what the history adds up to in
    the first `measured` dimensions, None for any.
    """

    position_weights: np.ndarray
    decay: float
    normalisation: float
    knots: np.ndarray
    trend_table: np.ndarray
    length: float | None = None
    measured: int = 0
    _knot_list: list[int] = field(init=False, repr=False)
    _rate: np.float32 = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Bisecting a list takes a tenth of what NumPy needs to look up one number.
        object.__setattr__(self, "_knot_list", [int(knot) for knot in self.knots])
        object.__setattr__(self, "_rate", np.float32(self.decay / MILLISECONDS_PER_DAY))

    @property
    def max_history(self) -> int:
        """Number of newest events that count; older ones have weight 0."""
        return len(self.position_weights)

    def encode_user(
        self,
        history_vectors: np.ndarray,
        items: np.ndarray,
        times: np.ndarray,
        emphasis: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """One user's vector float32 (d,) and the weights a float32 (L,) of its events.

        `history_vectors` float32 (n_items, d); `items` int32 (L,), `times` int64 (L,) ms and
        `emphasis` float32 (L,), the weights e of the event types (None for ones), oldest first.
        """
        vector, weights = self.encode_taste(history_vectors, items, times, emphasis)
        vector += self.constant(int(times[-1]) if len(times) else None)
        return vector, weights

    def encode_taste(
        self,
        history_vectors: np.ndarray,
        items: np.ndarray,
        times: np.ndarray,
        emphasis: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """`encode_user` without the constant part: what goes with these items at any time."""
        n = len(items)
        if n == 0:
            return np.zeros(history_vectors.shape[1], np.float32), np.zeros(0, np.float32)
        kept = min(n, self.max_history)
        newest = int(times[-1])
        ages = (newest - times[n - kept :]).astype(np.float32)
        np.minimum(ages, np.float32(MAX_AGE_DAYS * MILLISECONDS_PER_DAY), out=ages)
        ages *= -self._rate
        weights = np.exp(ages, out=ages)
        weights *= self.position_weights[kept - 1 :: -1] if kept else weights
        if emphasis is not None:
            weights *= emphasis[n - kept :]
        total = float(weights.sum())
        if total > 0.0:
            weights *= np.float32(total**-self.normalisation)
        vector = weights @ history_vectors.take(items[n - kept :], axis=0)
        if self.length is not None:
            scale = self._scales(vector[None])[0]
            vector *= scale
            weights *= scale
        if kept == n:
            return vector, weights
        return vector, np.concatenate([np.zeros(n - kept, np.float32), weights])

    def constant(self, newest: int | None) -> np.ndarray:
        """The part c of a user vector that no single event accounts for, float32 (d,).

        `newest` is the time of the newest event in ms, None where there is none.
        """
        knots, table = self._knot_list, self.trend_table
        if newest is None or newest >= knots[-1]:
            return table[-1]
        right = bisect_right(knots, newest)
        if right == 0:
            return table[0]
        share = np.float32((newest - knots[right - 1]) / (knots[right] - knots[right - 1]))
        return table[right - 1] + share * (table[right] - table[right - 1])

    def encode_users(self, history_vectors: np.ndarray, histories: Histories) -> np.ndarray:
        """Vectors of many users, float32 (n_users, d)."""
        vectors = np.zeros((histories.n_users, history_vectors.shape[1]), np.float32)
        weights = self._weights(histories)
        counted = np.flatnonzero(weights)
        # Events are added up in slices, so that no array of all events' vectors is made.
        users = histories.users[counted]
        for start in range(0, len(counted), 100_000):
            events = counted[start : start + 100_000]
            owners = users[start : start + 100_000]
            rows = history_vectors[histories.items[events]] * weights[events, None]
            first = np.flatnonzero(np.diff(owners, prepend=-1))
            vectors[owners[first]] += np.add.reduceat(rows, first, axis=0)
        return self.scaled(vectors) + self._constants(histories)

    def scaled(self, vectors: np.ndarray) -> np.ndarray:
        """`vectors` float32 (n, d) at the length of what a history adds up to."""
        return vectors if self.length is None else vectors * self._scales(vectors)[:, None]

    def _scales(self, vectors: np.ndarray) -> np.ndarray:
        lengths = np.linalg.norm(vectors[:, : self.measured], axis=1)
        scales = np.zeros_like(lengths)
        return np.divide(np.float32(self.length), lengths, where=lengths > SHORTEST, out=scales)

    def _weights(self, histories: Histories) -> np.ndarray:
        """The weight a of each event before it is brought to length, float32 (nnz,)."""
        lengths, users = histories.lengths, histories.users
        position = histories.indptr[1:][users] - 1 - np.arange(histories.n_events)
        newest = histories.times[histories.indptr[1:][users] - 1]
        ages = (newest - histories.times).astype(np.float32)
        np.minimum(ages, np.float32(MAX_AGE_DAYS * MILLISECONDS_PER_DAY), out=ages)
        table = np.append(self.position_weights, np.float32(0.0))
        weights = np.exp(-self._rate * ages) * table[np.minimum(position, self.max_history)]
        if histories.weights is not None:
            weights *= histories.weights
        totals = np.bincount(users, weights, minlength=len(lengths))
        scale = np.power(totals, -self.normalisation, where=totals > 0, out=np.ones_like(totals))
        return (weights * scale[users]).astype(np.float32)

    def _constants(self, histories: Histories) -> np.ndarray:
        newest = np.full(histories.n_users, self.knots[-1])
        met = histories.lengths > 0
        newest[met] = histories.times[histories.indptr[1:][met] - 1]
        constants = np.empty((histories.n_users, self.trend_table.shape[1]), np.float32)
        for dimension, at_knots in enumerate(self.trend_table.T):
            constants[:, dimension] = np.interp(newest, self.knots, at_knots)
        return constants
