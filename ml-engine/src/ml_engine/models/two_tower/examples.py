"""Training examples: a history as it was, and the item that came next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import MILLISECONDS_PER_DAY, Histories
from ml_engine.models.two_tower.user_tower import MAX_AGE_DAYS, length_bucket, pace_bucket

NO_ITEM = -1


@dataclass(frozen=True, slots=True)
class Batch:
    """`items` int32 (B, L), newest first, NO_ITEM where the history is shorter; `ages` float32
    (B, L) days; `length`, `pace`, `knot` int32 and `share` float32 (B,) of the constant part;
    `target` int32 and `weight` float32 (B,).
    """

    items: np.ndarray
    ages: np.ndarray
    length: np.ndarray
    pace: np.ndarray
    knot: np.ndarray
    share: np.ndarray
    target: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True, slots=True)
class Examples:
    """Every event but each user's first is the target of the events before it."""

    histories: Histories
    targets: np.ndarray
    starts: np.ndarray
    weights: np.ndarray
    knots: np.ndarray
    max_history: int

    @classmethod
    def of(
        cls, histories: Histories, knots: np.ndarray, max_history: int, user_weighting: float
    ) -> Examples:
        """Examples of all users; raises NotEnoughData where no user has two events."""
        starts = histories.indptr[:-1][histories.users]
        targets = np.flatnonzero(np.arange(histories.n_events) > starts)
        if len(targets) == 0:
            raise NotEnoughData("a user with two or more events")
        n_examples = histories.lengths[histories.users[targets]] - 1
        weights = n_examples.astype(np.float64) ** -user_weighting
        weights = (weights / weights.mean()).astype(np.float32)
        return cls(histories, targets, starts[targets], weights, knots, max_history)

    def __len__(self) -> int:
        return len(self.targets)

    def shuffled(self, rng: np.random.Generator) -> Examples:
        """The same number of examples with each user's events in another order."""
        mixed = rng.permutation(self.histories.n_events)
        order = mixed[np.argsort(self.histories.users[mixed], kind="stable")]
        histories = Histories(
            self.histories.indptr, self.histories.items[order], self.histories.times[order]
        )
        return Examples(
            histories, self.targets, self.starts, self.weights, self.knots, self.max_history
        )

    def batch(self, rows: np.ndarray) -> Batch:
        """Examples at the given rows, int64 (B,)."""
        target, start = self.targets[rows], self.starts[rows]
        items, times = self.histories.items, self.histories.times
        event = target[:, None] - 1 - np.arange(self.max_history)[None, :]
        inside = event >= start[:, None]
        event = np.where(inside, event, 0)
        newest = times[target - 1]
        ages = np.where(inside, newest[:, None] - times[event], 0) / MILLISECONDS_PER_DAY
        length = target - start
        gap = newest - times[np.maximum(target - 2, start)]
        knot = np.clip(np.searchsorted(self.knots, newest, side="right") - 1, 0, None)
        after = np.minimum(knot + 1, len(self.knots) - 1)
        span = np.maximum(self.knots[after] - self.knots[knot], 1)
        share = np.clip((newest - self.knots[knot]) / span, 0, 1)
        return Batch(
            items=np.where(inside, items[event], NO_ITEM).astype(np.int32),
            ages=np.minimum(ages, MAX_AGE_DAYS).astype(np.float32),
            length=length_bucket(length).astype(np.int32),
            pace=pace_bucket(gap, length).astype(np.int32),
            knot=knot.astype(np.int32),
            share=np.where(after > knot, share, 0).astype(np.float32),
            target=items[target],
            weight=self.weights[rows],
        )
