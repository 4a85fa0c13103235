"""The loss over the catalogue that the descent goes down, as gradients by hand.

    u = length r / |r|,  r = sum of e_j h_j over the rest R of a history
    p(i) ~ exp(<u, v_i> + b_i),  q(i) ~ exp(<u, v_i> + b_i + g_i),  i not in R

with the weights e_j of the events, the log-popularity b_i as far as it counts, and the scores g_i
of the guide: closed-form tables that stand beside the learned ones. The loss is the cross-entropy
of p to the left-out items T, and by the share `guidance` to q, which is taken as given: the tables
learn to rank without the guide as they do with it (self-distillation; Hinton et al., 2015; Zhang et
al., ICCV 2019). A user counts |T|^user_power times. A sample of the catalogue stands for it, each
item divided by its chance to be in it (logQ correction); answers are always in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from ml_engine.models.two_tower.batches import Batch
from ml_engine.models.two_tower.lengths import SHORTEST, typical
from ml_engine.models.two_tower.parameters import DescentParameters

Pair = tuple[np.ndarray, np.ndarray]
"""History and target vectors, float32 (n_items, r) each."""


@dataclass(frozen=True, slots=True)
class Gradients:
    """Gradients of a batch's loss, a user's mean, by the rows that take part in it.

    `history` float32 (k, d) is by the history vectors of the items `met`, int64 (k,), ascending;
    `target` float32 (m, d) by the target vectors of the sample.
    """

    met: np.ndarray
    history: np.ndarray
    target: np.ndarray


def gradients(
    batch: Batch,
    tables: Pair,
    guide: Pair,
    bias: np.ndarray,
    sample: np.ndarray,
    log_chances: np.ndarray,
    parameters: DescentParameters,
) -> Gradients:
    """`tables` with d dimensions, a `guide` with as many as it likes and targets of the typical
    length 1, `bias` float32 (n_items,), the items `sample` int64 (m,), ascending, with all answers
    in it, and float32 (m,) the logs of their chances.
    """
    history, target = tables
    n_users = len(batch.inputs.indptr) - 1
    met, column = np.unique(batch.inputs.indices, return_inverse=True)
    inputs = csr_matrix((batch.inputs.data, column, batch.inputs.indptr), shape=(n_users, len(met)))
    sums = inputs @ history[met]
    lengths = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), SHORTEST)
    users, rows = sums / lengths, target[sample]
    place = np.full(len(target), -1)
    place[sample] = np.arange(len(sample))
    answers = (batch.owners, place[batch.answers])
    counts = np.bincount(batch.owners, minlength=n_users)
    weights = np.power(counts, parameters.user_power, where=counts > 0, out=np.zeros(n_users))
    of_answer = (weights / np.maximum(counts, 1))[batch.owners].astype(np.float32)
    of_user = weights[:, None].astype(np.float32)

    scores = (users * np.float32(parameters.length)) @ rows.T
    scores += bias[sample] - log_chances
    scores[answers] += log_chances[answers[1]]
    known = batch.inputs.tocoo()
    sampled = place[known.col] >= 0
    scores[known.row[sampled], place[known.col[sampled]]] = -np.inf
    if guidance := np.float32(parameters.guidance if parameters.guide_rank else 0.0):
        guided = _part_beside(inputs @ guide[0][met], lengths, parameters) @ guide[1][sample].T
        guided += scores
        slope = softmax(scores) - guidance * softmax(guided)
    else:
        slope = softmax(scores)
    slope *= of_user
    slope[answers] -= (1 - guidance) * of_answer
    slope *= np.float32(parameters.length / n_users)

    by_user = slope @ rows
    by_user = (by_user - (by_user * users).sum(axis=1, keepdims=True) * users) / lengths
    return Gradients(met, inputs.T.tocsr() @ by_user, slope.T @ users)


def _part_beside(
    sums: np.ndarray, lengths: np.ndarray, parameters: DescentParameters
) -> np.ndarray:
    """The guide's part of the user vectors, float32 (n_users, r), beside a part of `length`.

    `sums` float32 (n_users, r) are what the guide makes of the histories and `lengths` float32
    (n_users, 1) those of what the tables do; the ratio of both is a user's own.
    """
    share = np.float32(parameters.length * parameters.guide_share)
    return sums * (share * typical(lengths) / np.maximum(typical(sums), SHORTEST) / lengths)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Chances of each row, in place of its scores."""
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores
