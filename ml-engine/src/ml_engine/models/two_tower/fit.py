"""Fitting of the two-tower model: a closed form, then as many gradient epochs as are asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset, Histories
from ml_engine.models.two_tower import cold_start
from ml_engine.models.two_tower.examples import Examples
from ml_engine.models.two_tower.item_tower import vocabulary
from ml_engine.models.two_tower.model import TwoTower
from ml_engine.models.two_tower.parameters import TwoTowerParameters
from ml_engine.models.two_tower.start import Weights, closed_form, position_buckets
from ml_engine.models.two_tower.trend import Trend, estimate
from ml_engine.models.two_tower.user_tower import UserTower

CLOSED_FORM_SHARE = 0.4
"""Share of the progress that is reported once the closed form is there."""


def fit(
    dataset: Dataset,
    parameters: TwoTowerParameters,
    on_progress: Callable[[float], None] = lambda _: None,
) -> TwoTower:
    """Fit to all of the data set; the same seed gives the same model on the same machine.

    `on_progress` hears shares of the work done, 0..1. Raises NotEnoughData where there is no
    item or no user with two events.
    """
    if dataset.n_items == 0:
        raise NotEnoughData("an item")
    histories = dataset.histories
    if not (histories.lengths >= 2).any():
        raise NotEnoughData("a user with two or more events")
    on_progress(0.0)
    trend = estimate(
        histories,
        dataset.n_items,
        parameters.trend_knots,
        min(parameters.trend_rank, parameters.dimensions),
        parameters.trend_days,
    )
    names = vocabulary(dataset.contents, parameters.content_min_items, parameters.content_features)
    content = cold_start.feature_matrix(dataset.contents, names)[:, :-1]
    weights = closed_form(histories, dataset.n_items, len(names), trend, parameters)
    on_progress(CLOSED_FORM_SHARE)
    if min(parameters.epochs, parameters.max_steps) > 0:
        from ml_engine.models.two_tower import descent  # noqa: PLC0415  JAX starts slowly

        examples = Examples.of(
            histories, trend.knots, parameters.max_history, parameters.user_weighting
        )
        rest = 1.0 - CLOSED_FORM_SHARE
        weights = descent.train(
            weights,
            content,
            examples,
            parameters,
            lambda share: on_progress(CLOSED_FORM_SHARE + rest * share),
        )
    model = _export(dataset, content, trend, weights, parameters)
    on_progress(1.0)
    return model


def _export(
    dataset: Dataset,
    content: np.ndarray,
    trend: Trend,
    weights: Weights,
    parameters: TwoTowerParameters,
) -> TwoTower:
    """The weights as serving arrays, items without events by their content alone."""
    bias = weights["bias"] + content @ weights["content_bias"]
    target = np.column_stack([weights["target"] + content @ weights["content_target"], bias])
    history = weights["history"] + content @ weights["content_history"]
    history = np.pad(history, ((0, 0), (0, 1)))
    counts = np.bincount(dataset.histories.items, minlength=dataset.n_items)
    item_tower = cold_start.learn(dataset.contents, target, history, counts, parameters)
    unmet = np.flatnonzero(counts == 0)
    target[unmet], history[unmet] = item_tower.encode_items([dataset.contents[i] for i in unmet])
    gain = 1.0 + weights["pace_gain"][:, None, None]
    trends = gain * weights["trend"][None] + weights["pace"][:, None, :]
    ordered = dataset.histories.has_times
    return TwoTower(
        item_vectors=target,
        history_vectors=history,
        user_tower=UserTower(
            position_weights=_position_weights(dataset.histories, weights, parameters),
            decay=float(np.exp(weights["decay"])) if ordered else 0.0,
            normalisation=float(1.0 / (1.0 + np.exp(-weights["normalisation"]))),
            # The last dimension of an item is its popularity, which every user takes once.
            length_table=np.pad(weights["length"], ((0, 0), (0, 1)), constant_values=1.0),
            knots=trend.knots,
            trend_table=np.pad(trends, ((0, 0), (0, 0), (0, 1))),
        ),
        item_tower=item_tower,
    )


def _position_weights(
    histories: Histories, weights: Weights, parameters: TwoTowerParameters
) -> np.ndarray:
    if histories.has_times:
        return np.exp(weights["position"][position_buckets(parameters.max_history)])
    # Without times no event is newer than another, so all of a history counts alike.
    return np.ones(int(histories.lengths.max()), np.float32)
