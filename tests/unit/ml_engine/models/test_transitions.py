"""Transitions: what follows what, told apart from what merely goes together."""

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.ml_engine.evaluation.test_order_tuning import DAY, chains

from ml_engine.domain.interactions import Histories
from ml_engine.models.two_tower import TwoTowerParameters, transitions
from ml_engine.models.two_tower.fit import fit
from ml_engine.models.two_tower.trend import Trend, estimate

N_ITEMS = 12
PARAMETERS = TwoTowerParameters(transition_l2=1.0)


def trend_of(histories: Histories) -> Trend:
    return estimate(histories, N_ITEMS, 4, 2, 30.0)


def weights_of(histories: Histories, parameters: TwoTowerParameters = PARAMETERS) -> np.ndarray:
    items = np.arange(N_ITEMS)
    return transitions.weights(histories, N_ITEMS, items, trend_of(histories), parameters)


def test_the_next_item_of_a_chain_follows_and_the_one_before_does_not() -> None:
    weights = weights_of(chains().histories)
    items = np.arange(N_ITEMS)
    assert (weights.argmax(axis=1) == (items + 1) % N_ITEMS).all()
    assert (weights[items, (items - 1) % N_ITEMS] < 0).all()


def test_they_solve_the_ridge_equations() -> None:
    histories = chains(20).histories
    trends = trend_of(histories)
    rows, surprise = [], []
    expected = np.exp(trends.knot_vectors @ trends.item_vectors.T + trends.popularity)
    expected /= expected.sum(axis=1, keepdims=True)
    for user in range(histories.n_users):
        items, times = histories.row(user)
        for place in range(1, len(items)):
            age = (times[place - 1] - times[:place]) / DAY
            weight = np.arange(place, 0, -1.0) ** -PARAMETERS.position_power
            weight *= np.exp(-PARAMETERS.decay_per_day * age)
            row, came = np.zeros((2, N_ITEMS))
            row[items[:place]] = weight / np.sqrt(weight.sum())
            came[items[place]] = 1
            knot = np.searchsorted(trends.knots, times[place - 1], side="right") - 1
            rows.append(row)
            surprise.append(came - expected[max(knot, 0)])
    x = np.array(rows)
    wanted = np.linalg.solve(x.T @ x + np.eye(N_ITEMS), x.T @ np.array(surprise))
    np.testing.assert_allclose(weights_of(histories), wanted, atol=1e-4)


def test_only_the_newest_events_are_foretold(monkeypatch: pytest.MonkeyPatch) -> None:
    users = np.array([0, 0, 1, 1])
    times = np.array([0, 1, 10, 11]) * DAY
    histories = Histories.from_events(users, np.array([0, 1, 2, 3]), times, 2)
    assert (weights_of(histories).max(axis=1)[[0, 2]] > 0).all()
    monkeypatch.setattr(transitions, "MOST_EVENTS", 1)
    assert weights_of(histories)[2, 3] > 0
    assert not weights_of(histories)[0].any()


def test_a_fit_with_them_ranks_the_next_item_first() -> None:
    dataset = chains()
    parameters = replace(PARAMETERS, similarity_l2=1.0, transition_share=1.0)
    model = fit(dataset, parameters)
    begun = Histories(np.array([0, 2]), np.array([3, 4], np.int32), np.array([0, DAY]))
    scores = model.scores(begun)[0]
    scores[[3, 4]] = -np.inf
    assert scores.argmax() == 5
    assert model.dimensions == fit(dataset, replace(parameters, transition_share=0.0)).dimensions
