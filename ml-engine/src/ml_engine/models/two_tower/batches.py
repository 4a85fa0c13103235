"""What one step of the descent looks at: histories with a part left out, and a sample of items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from ml_engine.models.two_tower.parameters import DescentParameters

RAREST = 1e-9


@dataclass(frozen=True, slots=True)
class Batch:
    """Histories with a part left out: `inputs` csr (n_users, n_items) are what is encoded, and
    event k of the answers is user `owners[k]`'s (row of the batch) with item `answers[k]`.
    """

    inputs: csr_matrix
    owners: np.ndarray
    answers: np.ndarray

    @classmethod
    def draw(
        cls, histories: csr_matrix, parameters: DescentParameters, random: np.random.Generator
    ) -> Batch:
        """Leave out a share of each row, at least one event and never all of two or more."""
        lengths = np.diff(histories.indptr)
        users = np.repeat(np.arange(len(lengths)), lengths)
        order = np.lexsort((random.random(len(users)), users))
        position = np.empty(len(users), np.int64)
        position[order] = np.arange(len(users)) - histories.indptr[:-1][users]
        least, most = parameters.least_left_out, parameters.most_left_out
        n_left_out = np.rint(random.uniform(least, most, len(lengths)) * lengths)
        left_out = position < np.minimum(np.maximum(n_left_out, 1), lengths - 1)[users]
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(~left_out)])
        inputs = csr_matrix(
            (histories.data[~left_out], histories.indices[~left_out], before[histories.indptr]),
            shape=histories.shape,
        )
        return cls(inputs, users[left_out], histories.indices[left_out])


def inclusion(events: np.ndarray, parameters: DescentParameters) -> np.ndarray:
    """Each item's chance to be sampled, float64 (n_items,): their sum is about `sampled_items`."""
    wanted = (events + 1.0) ** parameters.sample_power
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if np.minimum(1.0, wanted * middle).sum() < parameters.sampled_items:
            low = middle
        else:
            high = middle
    return np.minimum(1.0, wanted * high)


def draw_sample(
    batch: Batch, events: np.ndarray, chances: np.ndarray, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Items with all answers, ascending, int64 (m,), and their log-chances, float32 (m,)."""
    taken = random.random(len(chances)) < chances
    taken[batch.answers] = True
    sample = np.flatnonzero(taken)
    chance = presence(events[sample], chances[sample], len(batch.answers) / max(1, events.sum()))
    return sample, np.log(np.maximum(chance, RAREST)).astype(np.float32)


def presence(events: np.ndarray, chances: np.ndarray, left_out: float) -> np.ndarray:
    """Chance that an item is in a batch, as one of the sample or as an answer, float64 (n,).

    `left_out` is the share of all events that are answers of the batch.
    """
    return 1.0 - (1.0 - chances) * np.exp(-events * left_out)
