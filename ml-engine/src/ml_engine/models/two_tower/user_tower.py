"""The user tower: encodes a history, so that a new user or event needs no retraining.

For a history's items j, newest first at positions p = 0, 1, ..., with age t_j (days before the
newest event), of which the newest `L = len(position_weights)` count:

    u   = sum_j a_j h_j + c(history)
    a_j = w_p exp(-decay t_j) / (sum of these)^normalisation
    c   = length_table[bucket of the length] + trend(time of the newest event, pace)

All a_j >= 0 and u is linear in the h_j given them, so a_j <h_j, v_i> is exactly what event j
adds to the score of item i. `trend` interpolates between the two nearest of the time knots and
stands still outside of them; the pace is the time between the two newest events, in buckets.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field

import numpy as np

from ml_engine.domain.interactions import MILLISECONDS_PER_DAY, Histories

MAX_AGE_DAYS = 365.0
PACE_EDGES = (3_600_000, 86_400_000, 7 * 86_400_000)
"""Milliseconds between the two newest events: within an hour, a day, a week, or longer."""
N_PACES = len(PACE_EDGES) + 2
"""The paces above, and last that of a history of fewer than two events."""
N_LENGTHS = 16
"""Buckets of the length: 0 for none, then two for each doubling."""


def length_bucket(length: np.ndarray) -> np.ndarray:
    """Bucket of each history length, int64 (n,) in 0..N_LENGTHS - 1."""
    doublings = np.floor(2.0 * np.log2(np.maximum(length, 1))).astype(np.int64)
    return np.where(length > 0, np.minimum(doublings + 1, N_LENGTHS - 1), 0)


def pace_bucket(gap: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Bucket of each time between the two newest events (ms), int64 (n,) in 0..N_PACES - 1."""
    return np.where(length > 1, np.searchsorted(PACE_EDGES, gap, side="right"), N_PACES - 1)


@dataclass(frozen=True, slots=True)
class UserTower:
    """Weights of the history and tables of the constant part.

    `position_weights` float32 (L,); `decay` per day; `normalisation` in 0..1; `length_table`
    float32 (N_LENGTHS, d); `knots` int64 (K,) ms, ascending, K = 1 for no trend;
    `trend_table` float32 (N_PACES, K, d).
    """

    position_weights: np.ndarray
    decay: float
    normalisation: float
    length_table: np.ndarray
    knots: np.ndarray
    trend_table: np.ndarray
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
        self, history_vectors: np.ndarray, items: np.ndarray, times: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """One user's vector float32 (d,) and the weights a float32 (L,) of its events.

        `history_vectors` float32 (n_items, d); `items` int32 (L,), `times` int64 (L,) ms,
        oldest first.
        """
        vector, weights = self.encode_taste(history_vectors, items, times)
        n = len(items)
        newest = int(times[-1]) if n else 0
        vector += self.constant(n, newest, newest - int(times[-2]) if n > 1 else 0)
        return vector, weights

    def encode_taste(
        self, history_vectors: np.ndarray, items: np.ndarray, times: np.ndarray
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
        total = float(weights.sum())
        if total > 0.0:
            weights *= np.float32(total**-self.normalisation)
        vector = weights @ history_vectors.take(items[n - kept :], axis=0)
        if kept == n:
            return vector, weights
        return vector, np.concatenate([np.zeros(n - kept, np.float32), weights])

    def constant(self, length: int, newest: int, gap: int) -> np.ndarray:
        """The part c of a user vector that no single event accounts for, float32 (d,)."""
        bucket = min(int(2.0 * math.log2(length)) + 1, N_LENGTHS - 1) if length else 0
        pace = bisect_right(PACE_EDGES, gap) if length > 1 else N_PACES - 1
        trend = self.trend_table[pace]
        knots = self._knot_list
        if length == 0 or newest >= knots[-1]:
            return self.length_table[bucket] + trend[-1]
        right = bisect_right(knots, newest)
        if right == 0:
            return self.length_table[bucket] + trend[0]
        share = np.float32((newest - knots[right - 1]) / (knots[right] - knots[right - 1]))
        between = trend[right - 1] + share * (trend[right] - trend[right - 1])
        return self.length_table[bucket] + between

    def encode_users(self, history_vectors: np.ndarray, histories: Histories) -> np.ndarray:
        """Vectors of many users, float32 (n_users, d)."""
        constants = self._constants(histories)
        weights = self.weights(histories)
        counted = np.flatnonzero(weights)
        vectors = constants
        # Events are added up in slices, so that no array of all events' vectors is made.
        users = histories.users[counted]
        for start in range(0, len(counted), 100_000):
            events = counted[start : start + 100_000]
            owners = users[start : start + 100_000]
            rows = history_vectors[histories.items[events]] * weights[events, None]
            first = np.flatnonzero(np.diff(owners, prepend=-1))
            vectors[owners[first]] += np.add.reduceat(rows, first, axis=0)
        return vectors

    def weights(self, histories: Histories) -> np.ndarray:
        """The weight a of each event, float32 (nnz,)."""
        lengths, users = histories.lengths, histories.users
        position = histories.indptr[1:][users] - 1 - np.arange(histories.n_events)
        newest, _ = _newest(histories)
        ages = (newest[users] - histories.times).astype(np.float32)
        np.minimum(ages, np.float32(MAX_AGE_DAYS * MILLISECONDS_PER_DAY), out=ages)
        table = np.append(self.position_weights, np.float32(0.0))
        weights = np.exp(-self._rate * ages) * table[np.minimum(position, self.max_history)]
        totals = np.bincount(users, weights, minlength=len(lengths))
        scale = np.power(totals, -self.normalisation, where=totals > 0, out=np.ones_like(totals))
        return (weights * scale[users]).astype(np.float32)

    def _constants(self, histories: Histories) -> np.ndarray:
        lengths = histories.lengths
        newest, gap = _newest(histories)
        newest = np.where(lengths > 0, newest, self.knots[-1])
        trend = self.trend_table[pace_bucket(gap, lengths)]
        rows = np.arange(len(lengths))
        right = np.clip(
            np.searchsorted(self.knots, newest, side="right"), 1, max(len(self.knots) - 1, 1)
        )
        right = np.minimum(right, len(self.knots) - 1)
        left = np.maximum(right - 1, 0)
        span = np.maximum(self.knots[right] - self.knots[left], 1)
        share = np.clip((newest - self.knots[left]) / span, 0.0, 1.0).astype(np.float32)
        between = trend[rows, left] * (1 - share[:, None]) + trend[rows, right] * share[:, None]
        return self.length_table[length_bucket(lengths)] + between


def _newest(histories: Histories) -> tuple[np.ndarray, np.ndarray]:
    """Time of each user's newest event and ms since the one before, int64 (n_users,); 0: none."""
    last = histories.indptr[1:] - 1
    lengths = histories.lengths
    padded = np.append(histories.times, 0)
    newest = np.where(lengths > 0, padded[np.maximum(last, 0)], 0)
    before = np.where(lengths > 1, padded[np.maximum(last - 1, 0)], newest)
    return newest, newest - before
