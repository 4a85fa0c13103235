"""Fitting of the two-tower model: trend, item tables, then vectors from content."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset, Histories
from ml_engine.models.two_tower import cold_start, trend
from ml_engine.models.two_tower.model import TwoTower
from ml_engine.models.two_tower.parameters import TwoTowerParameters
from ml_engine.models.two_tower.tables import Tables
from ml_engine.models.two_tower.user_tower import UserTower

TREND_SHARE, TABLES_SHARE = 0.2, 0.9
"""Shares of the work that are done once the trend and the item tables are there."""

OnProgress = Callable[[float], None]


def fit(
    dataset: Dataset,
    parameters: TwoTowerParameters,
    on_progress: OnProgress = lambda _: None,
) -> TwoTower:
    """Fit to all of the data set; the same data gives the same model on the same machine.

    `on_progress` hears shares of the work done, 0..1. Raises NotEnoughData where there is no item
    or no user with two events.
    """
    model = assembled(dataset, *parts(dataset, parameters, on_progress), parameters)
    on_progress(1.0)
    return model


def parts(
    dataset: Dataset,
    parameters: TwoTowerParameters,
    on_progress: OnProgress = lambda _: None,
) -> tuple[trend.Trend, Tables]:
    """What takes the time of a fit, of which `assembled` makes the model; as `fit`."""
    if dataset.n_items == 0:
        raise NotEnoughData("an item")
    histories = dataset.histories
    if not (histories.lengths >= 2).any():
        raise NotEnoughData("a user with two or more events")
    on_progress(0.0)
    trends = trend.estimate(
        histories,
        dataset.n_items,
        parameters.trend_knots,
        parameters.trend_rank,
        parameters.trend_days,
    )
    on_progress(TREND_SHARE)

    def on_learned(share: float) -> None:
        on_progress(TREND_SHARE + (TABLES_SHARE - TREND_SHARE) * share)

    tables = Tables.find(dataset, trends, parameters, on_learned)
    on_progress(TABLES_SHARE)
    return trends, tables


def assembled(
    dataset: Dataset, trends: trend.Trend, tables: Tables, parameters: TwoTowerParameters
) -> TwoTower:
    """The model of `parts` that are found, weighed as `parameters` say."""
    histories = dataset.histories
    history, target = tables.joined(dataset, parameters)
    n_trend = trends.item_vectors.shape[1]
    # Dimensions in order: the trend's, the tables', and last the item's popularity.
    trend_table = np.pad(trends.knot_vectors, ((0, 0), (0, target.shape[1] + 1)))
    popularity = trends.popularity * np.float32(parameters.popularity_weight)
    target = np.column_stack([trends.item_vectors, target, popularity])
    history = np.pad(history, ((0, 0), (n_trend, 1)))
    trend_table[:, -1] = 1.0
    counts = histories.item_weights(dataset.n_items)
    item_tower = cold_start.learn(
        dataset.contents, target, history, counts, parameters.content_min_items
    )
    unmet = np.flatnonzero(counts == 0)
    target[unmet], history[unmet] = item_tower.encode_items([dataset.contents[i] for i in unmet])
    return TwoTower(
        item_vectors=target,
        history_vectors=history,
        user_tower=UserTower(
            position_weights=_position_weights(histories, parameters),
            decay=parameters.decay_per_day if histories.has_times else 0.0,
            normalisation=parameters.normalisation,
            knots=trends.knots,
            trend_table=trend_table,
            length=parameters.descent.length if parameters.descent.epochs else None,
            measured=n_trend + tables.learned[0].shape[1],
        ),
        item_tower=item_tower,
    )


def _position_weights(histories: Histories, parameters: TwoTowerParameters) -> np.ndarray:
    if histories.has_times:
        positions = np.arange(1, parameters.max_history + 1, dtype=np.float32)
        return positions ** np.float32(-parameters.position_power)
    # Without times no event is newer than another, so all of a history counts alike.
    return np.ones(int(histories.lengths.max()), np.float32)
