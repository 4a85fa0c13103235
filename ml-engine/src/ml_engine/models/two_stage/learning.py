"""Learning of the network, by the softmax of the corrected scores over a user's candidates.

It is held against those that the user was found to meet (the listwise loss of Cao et al., ICML
2007), each user counting as many times as there are of these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml_engine.models.adam import Table
from ml_engine.models.two_stage.network import Network
from ml_engine.models.two_stage.parameters import NetworkParameters
from ml_engine.models.two_tower.loss import softmax

USERS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Examples:
    """Candidates of n users: `features` float32 (n, k, f), `scores` float32 (n, k), and which were
    met, `relevant` bool (n, k). A score of -inf is no candidate.
    """

    features: np.ndarray
    scores: np.ndarray
    relevant: np.ndarray

    def of(self, users: np.ndarray) -> Examples:
        """Those of some users, int (m,)."""
        return Examples(self.features[users], self.scores[users], self.relevant[users])

    def __len__(self) -> int:
        return len(self.scores)


def learn(
    examples: Examples,
    parameters: NetworkParameters,
    seed: int,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Network:
    """The network after the epoch that was best for users who were kept back.

    It is silent where that is no better for them, by two standard errors, than to correct nothing.
    Users without a relevant candidate say nothing. `on_progress` hears after each epoch the share
    of them that is done.
    """
    random = np.random.default_rng(seed)
    n_features = examples.features.shape[-1]
    silent = Network.silent(n_features)
    telling = random.permutation(np.flatnonzero(examples.relevant.any(axis=1)))
    n_kept_back = max(1, round(parameters.kept_back * len(telling)))
    kept_back, learned_from = examples.of(telling[:n_kept_back]), telling[n_kept_back:]
    if not len(learned_from):
        return silent
    real = examples.features[learned_from][np.isfinite(examples.scores[learned_from])]
    means, scales = real.mean(axis=0), np.maximum(real.std(axis=0), np.float32(1e-6))
    table, step = Table(_drawn(n_features, parameters.units, random)), 0
    every = np.arange(len(table.rows))
    n_batches = int(np.ceil(len(learned_from) / parameters.users_per_batch))
    n_steps = parameters.epochs * n_batches
    before = _losses(silent, kept_back)
    best, gains = silent, np.zeros_like(before)
    for epoch in range(parameters.epochs):
        for users in np.array_split(random.permutation(learned_from), n_batches):
            batch = examples.of(users)
            inputs = ((batch.features - means) / scales).reshape(-1, n_features)
            slope = _gradient(_network(table.rows), inputs, batch)
            table.step(every, slope, parameters.rate * (1.0 - step / n_steps))
            step += 1
        network = _of_raw_features(_network(table.rows), means, scales)
        if (found := before - _losses(network, kept_back)).mean() > gains.mean():
            best, gains = network, found
        on_progress((epoch + 1) / parameters.epochs)
    error = gains.std() / np.sqrt(max(len(gains) - 1, 1))
    return best if len(gains) > 1 and gains.mean() > 2 * error else silent


def _drawn(n_features: int, units: int, random: np.random.Generator) -> np.ndarray:
    """Rows of weights to begin with: those of each feature, the bias, and the output, small."""
    hidden = random.standard_normal((n_features, units)) / np.sqrt(n_features)
    output = 0.1 * random.standard_normal(units) / np.sqrt(units)
    return np.vstack([hidden, np.zeros(units), output])


def _network(rows: np.ndarray) -> Network:
    return Network(rows[:-2], rows[-2], rows[-1])


def _gradient(network: Network, inputs: np.ndarray, batch: Examples) -> np.ndarray:
    """Of a user's mean loss, by rows of weights; `inputs` float32 (n k, features)."""
    units = np.maximum(inputs @ network.hidden + network.bias, np.float32(0))
    chances = softmax((units @ network.output).reshape(batch.scores.shape) + batch.scores)
    answers = batch.relevant.sum(axis=1, keepdims=True, dtype=np.float32)
    slope = ((answers * chances - batch.relevant) / len(batch)).reshape(-1, 1)
    by_unit = np.where(units > 0, slope * network.output, np.float32(0))
    return np.vstack([inputs.T @ by_unit, by_unit.sum(axis=0), (units.T @ slope).T])


def _losses(network: Network, examples: Examples) -> np.ndarray:
    """Each user's cross-entropy of what was met, float64 (n,)."""
    found = np.zeros(len(examples))
    for start in range(0, len(examples), USERS_AT_ONCE):
        users = np.arange(start, min(start + USERS_AT_ONCE, len(examples)))
        part = examples.of(users)
        chances = softmax(part.scores + network.corrections(part.features))
        logs = np.log(np.maximum(chances, np.float32(1e-30)))
        found[users] = -np.where(part.relevant, logs, np.float32(0)).sum(axis=1)
    return found


def _of_raw_features(network: Network, means: np.ndarray, scales: np.ndarray) -> Network:
    """The same network, of features as they are rather than of mean 0 and deviation 1."""
    hidden = network.hidden / scales[:, None]
    return Network(hidden, network.bias - means @ hidden, network.output.copy())
