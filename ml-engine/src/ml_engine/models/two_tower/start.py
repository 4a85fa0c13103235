"""The closed form of the two-tower model: what it knows before any gradient step."""

from __future__ import annotations

import numpy as np

from ml_engine.domain.interactions import Histories
from ml_engine.models.two_tower import similarity
from ml_engine.models.two_tower.parameters import TwoTowerParameters
from ml_engine.models.two_tower.trend import Trend
from ml_engine.models.two_tower.user_tower import N_LENGTHS, N_PACES

Weights = dict[str, np.ndarray]


def position_buckets(max_history: int) -> np.ndarray:
    """Bucket of each position, newest first, int32 (max_history,): two for each doubling."""
    return np.floor(2.0 * np.log2(np.arange(max_history) + 1.0)).astype(np.int32)


def closed_form(
    histories: Histories,
    n_items: int,
    n_features: int,
    trend: Trend,
    parameters: TwoTowerParameters,
) -> Weights:
    """All weights by name, float32: the trend and the similarities, zero where neither speaks.

    Of the `parameters.dimensions` the first are the trend's, the next the similarities'.
    """
    d, rank = parameters.dimensions, trend.knot_vectors.shape[1]
    similar_history, similar_target = similarity.factors(
        histories,
        n_items,
        min(parameters.similarity_rank, d - rank),
        parameters.similarity_items,
        parameters.similarity_l2,
    )
    used = rank + similar_target.shape[1]
    gain = np.float32(np.sqrt(parameters.similarity_gain))
    target, history = np.zeros((2, n_items, d), np.float32)
    target[:, :rank] = trend.item_vectors
    target[:, rank:used] = similar_target * gain
    history[:, rank:used] = similar_history * gain
    trends = np.zeros((len(trend.knots), d), np.float32)
    trends[:, :rank] = trend.knot_vectors
    buckets = np.arange(position_buckets(parameters.max_history)[-1] + 1)
    power = parameters.position_power
    normalisation = parameters.normalisation
    weights = {
        "target": target,
        "history": history,
        "content_target": np.zeros((n_features, d)),
        "content_history": np.zeros((n_features, d)),
        "content_bias": np.zeros(n_features),
        "bias": trend.popularity,
        "trend": trends,
        "pace": np.zeros((N_PACES, d)),
        "pace_gain": np.zeros(N_PACES),
        "length": np.zeros((N_LENGTHS, d)),
        # Two buckets for each doubling, so that the weight falls as (position + 1)^-power.
        "position": -power * np.log(2.0) * buckets / 2,
        "decay": np.log(parameters.decay_per_day),
        "normalisation": np.log(normalisation / (1.0 - normalisation)),
    }
    return {name: np.asarray(value, np.float32) for name, value in weights.items()}
