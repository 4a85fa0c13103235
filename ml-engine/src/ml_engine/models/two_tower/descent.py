"""Gradient training from the closed form on, by Adam (Kingma and Ba, ICLR 2015).

The only module here, with its objective, that imports JAX.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ml_engine.models.two_tower.examples import Batch, Examples
from ml_engine.models.two_tower.objective import Arrays, Problem, loss
from ml_engine.models.two_tower.parameters import TwoTowerParameters
from ml_engine.models.two_tower.start import Weights, position_buckets

WARM_UP_STEPS = 50
FINAL_RATE = 0.02
MOMENTUM, SECOND_MOMENTUM = 0.9, 0.99
NOISE = 0.05
STEPS_PER_REPORT = 16


class State(NamedTuple):
    """Weights with Adam's moments, the number of steps done and the random key."""

    weights: Arrays
    mean: Arrays
    square: Arrays
    step: jax.Array
    key: jax.Array


def train(
    closed_form: Weights,
    content: np.ndarray,
    examples: Examples,
    parameters: TwoTowerParameters,
    on_progress: Callable[[float], None],
) -> Weights:
    """Weights after `parameters.epochs` passes over the examples.

    `content` is float32 (n_items, F). `on_progress` hears shares of the steps done.
    """
    rng = np.random.default_rng(parameters.seed)
    popular_first = np.argsort(-closed_form["bias"], kind="stable").astype(np.int32)
    head = popular_first[: parameters.head_items]
    tail = popular_first[parameters.head_items :]
    n_drawn = min(parameters.tail_items, len(tail))
    correction = np.zeros(len(head) + n_drawn, np.float32)
    correction[len(head) :] = np.log(max(len(tail), 1) / max(n_drawn, 1))
    batch_size = min(parameters.batch_size, len(examples))
    per_epoch = len(examples) // batch_size
    total = min(per_epoch * parameters.epochs, parameters.max_steps)
    ordered = examples.histories.has_times
    problem = Problem(
        anchor={name: jnp.asarray(value) for name, value in closed_form.items()},
        content=jnp.asarray(content),
        position_buckets=jnp.asarray(position_buckets(parameters.max_history)),
        correction=jnp.asarray(correction),
        ordered=ordered,
        total_steps=total,
        parameters=parameters,
    )
    advance = jax.jit(partial(_advance, problem))
    state = _first_state(closed_form, parameters.seed, rng)
    rows = np.zeros(0, np.int64)
    for step in range(total):
        within = step % per_epoch
        if within == 0:
            rows = rng.permutation(len(examples))
            examples = examples if ordered else examples.shuffled(rng)
        batch = examples.batch(rows[within * batch_size : (within + 1) * batch_size])
        negatives = np.concatenate([head, rng.choice(tail, n_drawn, replace=False)])
        state = advance(state, _as_dict(batch), negatives)
        if step % STEPS_PER_REPORT == 0:
            on_progress(step / total)
    return {name: np.asarray(value) for name, value in state.weights.items()}


def _first_state(closed_form: Weights, seed: int, rng: np.random.Generator) -> State:
    """The closed form, with noise where a table of vectors is all zero and so has no slope."""
    weights: Arrays = {}
    for name, value in closed_form.items():
        noisy = value.copy()
        if name in {"target", "history", "content_target", "content_history"}:
            unset = ~value.any(axis=0)
            noise = rng.standard_normal((len(value), int(unset.sum())), np.float32)
            noisy[:, unset] = np.float32(NOISE) * noise
        weights[name] = jnp.asarray(noisy)
    zeros = {name: jnp.asarray(np.zeros_like(value)) for name, value in closed_form.items()}
    return State(weights, zeros, zeros, jnp.asarray(0, jnp.int32), jax.random.PRNGKey(seed))


def _as_dict(batch: Batch) -> dict[str, np.ndarray]:
    return {name: getattr(batch, name) for name in Batch.__slots__}


def _advance(problem: Problem, state: State, batch: Arrays, negatives: jax.Array) -> State:
    """One step of Adam with a warm-up and a cosine decay of the rate."""
    key, dropout_key = jax.random.split(state.key)

    def batch_loss(weights: Arrays) -> jax.Array:
        return loss(problem, weights, batch, negatives, dropout_key)

    gradient: Arrays = jax.grad(batch_loss)(state.weights)
    step = state.step + 1
    cosine = 0.5 * (1 + jnp.cos(jnp.pi * state.step / problem.total_steps))
    rate = problem.parameters.learning_rate * (FINAL_RATE + (1 - FINAL_RATE) * cosine)
    rate = rate * jnp.minimum(1.0, step / WARM_UP_STEPS)
    mean_scale, square_scale = 1 - MOMENTUM**step, 1 - SECOND_MOMENTUM**step
    weights: Arrays = {}
    means: Arrays = {}
    squares: Arrays = {}
    for name, slope in gradient.items():
        means[name] = MOMENTUM * state.mean[name] + (1 - MOMENTUM) * slope
        squares[name] = SECOND_MOMENTUM * state.square[name] + (1 - SECOND_MOMENTUM) * slope * slope
        scale = jnp.sqrt(squares[name] / square_scale) + 1e-8
        weights[name] = state.weights[name] - rate * (means[name] / mean_scale) / scale
    return State(weights, means, squares, step, key)
