"""The softmax over the catalogue that the descent goes down, and its gradients by hand.

    u = length r / |r|,  r = sum of e_j h_j over the rest R of a history
    p(i) ~ exp(<u, v_i> / |v_i| + b_i), i not in R

with the weights e_j of the events and the log-popularity b_i. The loss is the cross-entropy of the
left-out items T, which count |T|^user_power times for each user. A sample of the catalogue stands
for it, each item divided by its chance to be in it (logQ correction); answers are always in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from ml_engine.models.two_tower.batches import Batch
from ml_engine.models.two_tower.parameters import DescentParameters

SHORTEST = np.float32(1e-9)


@dataclass(frozen=True, slots=True)
class Gradients:
    """Loss of a batch, a user's mean, and its gradients by the rows that take part in it.

    `history` float32 (k, d) is by the history vectors of the items `met`, int64 (k,), ascending;
    `target` float32 (m, d) by the target vectors of the sample.
    """

    loss: float
    met: np.ndarray
    history: np.ndarray
    target: np.ndarray


def gradients(
    batch: Batch,
    history: np.ndarray,
    target: np.ndarray,
    bias: np.ndarray,
    sample: np.ndarray,
    log_chances: np.ndarray,
    parameters: DescentParameters,
) -> Gradients:
    """`history` and `target` float32 (n_items, d), `bias` float32 (n_items,), the items `sample`
    int64 (m,), ascending, with all answers in it, and float32 (m,) the logs of their chances.
    """
    n_users = len(batch.inputs.indptr) - 1
    met, column = np.unique(batch.inputs.indices, return_inverse=True)
    inputs = csr_matrix((batch.inputs.data, column, batch.inputs.indptr), shape=(n_users, len(met)))
    sums = inputs @ history[met]
    lengths = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), SHORTEST)
    users = sums / lengths
    rows = target[sample]
    row_lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), SHORTEST)
    rows /= row_lengths
    place = np.full(len(target), -1)
    place[sample] = np.arange(len(sample))
    counts = np.bincount(batch.owners, minlength=n_users)
    weights = np.power(counts, parameters.user_power, where=counts > 0, out=np.zeros(n_users))
    of_answer = (weights / np.maximum(counts, 1))[batch.owners].astype(np.float32)
    answers = (batch.owners, place[batch.answers])

    scores = (users * np.float32(parameters.length)) @ rows.T
    scores += bias[sample] - log_chances
    scores[answers] += log_chances[answers[1]]
    known = batch.inputs.tocoo()
    sampled = place[known.col] >= 0
    scores[known.row[sampled], place[known.col[sampled]]] = -np.inf
    scores -= scores.max(axis=1, keepdims=True)
    chosen = scores[answers]
    np.exp(scores, out=scores)
    totals = scores.sum(axis=1, keepdims=True)
    loss = float((of_answer * (np.log(totals[batch.owners, 0]) - chosen)).sum()) / n_users
    scores *= weights[:, None].astype(np.float32) / totals
    scores[answers] -= of_answer
    scores *= np.float32(parameters.length / n_users)

    by_row = scores.T @ users
    by_row = (by_row - (by_row * rows).sum(axis=1, keepdims=True) * rows) / row_lengths
    by_user = scores @ rows
    by_user = (by_user - (by_user * users).sum(axis=1, keepdims=True) * users) / lengths
    return Gradients(loss, met, inputs.T.tocsr() @ by_user, by_row)


def normalised(rows: np.ndarray) -> np.ndarray:
    """The rows at length 1, float32 (n, d)."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), SHORTEST)
