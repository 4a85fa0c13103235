"""The loss of the two-tower model: next-item softmax with partly sampled negatives.

The softmax cross-entropy of the item that came next over the catalogue. The most popular items
are negatives in every step; of the others some are drawn, and their logits corrected by the log
of the inverse share drawn (Bengio and Senecal, "Adaptive Importance Sampling to Accelerate
Training of a Neural Probabilistic Language Model", 2008; for two towers Yi et al.,
"Sampling-Bias-Corrected Neural Modeling", RecSys 2019, section 3). Items of the history are no
negatives, since they are never recommended. Closed-form weights are pulled to where they started.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from ml_engine.models.two_tower.parameters import TwoTowerParameters

Arrays = dict[str, jax.Array]


@dataclass(frozen=True, slots=True)
class Problem:
    """What stays the same over all steps.

    `anchor` holds the closed-form weights; `content` float32 (n_items, F);
    `position_buckets` int32 (L,); `correction` float32 (n_negatives,) is added to the logits.
    """

    anchor: Arrays
    content: jax.Array
    position_buckets: jax.Array
    correction: jax.Array
    ordered: bool
    total_steps: int
    parameters: TwoTowerParameters


def user_vectors(problem: Problem, weights: Arrays, batch: Arrays) -> jax.Array:
    """`UserTower`'s equations over padded histories, float32 (B, d)."""
    history = weights["history"] + problem.content @ weights["content_history"]
    present = (batch["items"] >= 0).astype(jnp.float32)
    a = present
    if problem.ordered:
        position = weights["position"][problem.position_buckets]
        a = a * jnp.exp(position[None, :] - jnp.exp(weights["decay"]) * batch["ages"])
    a = a / jnp.sum(a, axis=1, keepdims=True) ** jax.nn.sigmoid(weights["normalisation"])
    vectors = jnp.einsum("bl,bld->bd", a, history[jnp.maximum(batch["items"], 0)])
    knot, share = batch["knot"], batch["share"][:, None]
    after = jnp.minimum(knot + 1, weights["trend"].shape[0] - 1)
    trend = weights["trend"][knot] * (1 - share) + weights["trend"][after] * share
    gain = 1.0 + weights["pace_gain"][batch["pace"]][:, None]
    return (
        vectors + gain * trend + weights["pace"][batch["pace"]] + weights["length"][batch["length"]]
    )


def loss(
    problem: Problem, weights: Arrays, batch: Arrays, negatives: jax.Array, key: jax.Array
) -> jax.Array:
    """Mean weighted cross-entropy of a batch and the penalty; `negatives` int32 (n,)."""
    parameters, n_items = problem.parameters, problem.content.shape[0]
    users = user_vectors(problem, weights, batch)
    keep = 1.0 - parameters.dropout
    users = users * jax.random.bernoulli(key, keep, users.shape) / keep

    def item(rows: jax.Array) -> tuple[jax.Array, jax.Array]:
        features = problem.content[rows]
        vectors = weights["target"][rows] + features @ weights["content_target"]
        return vectors, weights["bias"][rows] + features @ weights["content_bias"]

    negative_vectors, negative_bias = item(negatives)
    logits = users @ negative_vectors.T + negative_bias + problem.correction
    column = jnp.full(n_items + 1, len(negatives)).at[negatives].set(jnp.arange(len(negatives)))
    seen = jnp.where(batch["items"] >= 0, batch["items"], n_items)
    left_out = column[jnp.concatenate([seen, batch["target"][:, None]], axis=1)]
    rows = jnp.arange(len(users))[:, None]
    logits = logits.at[rows, left_out].set(-1e9, mode="drop")
    target_vectors, target_bias = item(batch["target"])
    hit = jnp.sum(users * target_vectors, axis=1) + target_bias
    everything = jnp.logaddexp(jax.nn.logsumexp(logits, axis=1), hit)
    return jnp.mean((everything - hit) * batch["weight"]) + _penalty(problem, weights)


def _penalty(problem: Problem, weights: Arrays) -> jax.Array:
    parameters, anchor = problem.parameters, problem.anchor

    def square(*names: str) -> jax.Array:
        return sum((jnp.sum(weights[name] ** 2) for name in names), jnp.zeros(()))

    def moved(name: str) -> jax.Array:
        return jnp.sum((weights[name] - anchor[name]) ** 2)

    rows = moved("target") + moved("history")
    content = square("content_target", "content_history", "content_bias")
    trend = moved("trend") + moved("bias")
    return parameters.row_l2 * rows + parameters.content_l2 * content + parameters.trend_l2 * trend
