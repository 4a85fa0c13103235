"""Both item tables learned by gradients, from a spectral start, on what was left out.

Each time a user comes up, another random part of the history is left out and predicted from the
rest: no table can learn an answer from a history that has it, which is why a plain descent from a
closed form overfits. A guide keeps them from it further: a part of the loss asks for what they
would say with a wide spectrum beside them. The steps are Adam's, of rows that a batch meets.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_matrix

from ml_engine.models.adam import Table
from ml_engine.models.two_tower import batches, spectral
from ml_engine.models.two_tower.lengths import SHORTEST, normalised, typical
from ml_engine.models.two_tower.loss import Pair, gradients
from ml_engine.models.two_tower.parameters import DescentParameters

LEAST_USERS_PER_BATCH = 32


def start(histories: csr_matrix, parameters: DescentParameters) -> Pair:
    """History and target vectors, float32 (n_items, r) each with r <= rank, before any step.

    `histories` csr (n_users, n_items) of weights.
    """
    vectors, values = spectral.decomposition(histories, parameters.rank, parameters.damping)
    spectrum = vectors * np.sqrt(values)
    degrees = np.asarray(histories.sum(axis=0), np.float32).ravel()[:, None]
    history = spectrum / np.sqrt(degrees + np.float32(max(parameters.damping, 1.0)))
    return history / max(typical(history), SHORTEST), normalised(spectrum)


def learn(
    histories: csr_matrix,
    tables: Pair,
    guide: Pair,
    bias: np.ndarray,
    parameters: DescentParameters,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Pair:
    """Tables of d dimensions, down from `tables`, which have as many.

    `histories` csr (n_users, n_items) of weights, `guide` with targets of the typical length 1,
    `bias` float32 (n_items,), the log-popularity. `on_progress` hears after each epoch the share of
    them that is done. The same data and seed give the same tables on the same machine.
    """
    bias = bias * np.float32(parameters.popularity_weight)
    random = np.random.default_rng(parameters.seed)
    history, target = Table(tables[0]), Table(tables[1])
    usable = np.flatnonzero(np.diff(histories.indptr) >= 2)
    events = np.bincount(histories.indices, minlength=len(bias))
    chances = batches.inclusion(events, parameters)
    n_batches = max(
        min(parameters.batches, len(usable) // LEAST_USERS_PER_BATCH),
        round(len(usable) / parameters.users_per_batch),
        1,
    )
    n_steps, step = parameters.epochs * n_batches, 0
    left_out = (parameters.least_left_out + parameters.most_left_out) / 2
    often = batches.presence(events, chances, left_out / n_batches).mean()
    entry = 1.0 / np.sqrt(max(1, history.rows.shape[1]))
    first_rate = parameters.travel * entry / max(1.0, n_steps * often)
    for epoch in range(parameters.epochs if len(usable) else 0):
        for users in np.array_split(random.permutation(usable), n_batches):
            rate = first_rate * (1.0 - step / n_steps)
            batch = batches.Batch.draw(histories[users], parameters, random)
            sample, log_chances = batches.draw_sample(batch, events, chances, random)
            found = gradients(
                batch, (history.rows, target.rows), guide, bias, sample, log_chances, parameters
            )
            history.step(found.met, found.history, rate)
            target.step(sample, found.target, rate)
            step += 1
        on_progress((epoch + 1) / parameters.epochs)
    return history.rows, target.rows
