from dataclasses import replace

import numpy as np
import pytest
from tests.unit.ml_engine.models.checkerboard import checkerboard

from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.evaluation import order_tuning
from ml_engine.evaluation.order_tuning import order_tuned
from ml_engine.evaluation.tuning import tuned
from ml_engine.models.two_tower import TwoTowerParameters

DAY = 86_400_000
PARAMETERS = TwoTowerParameters(similarity_rank=8, similarity_l2=1.0)


def chains(n_users: int = 120, n_items: int = 12) -> Dataset:
    """Everybody goes on from item to item in one order, from wherever they began: two or five."""
    random = np.random.default_rng(0)
    lengths = np.where(np.arange(n_users) % 2, 2, 5)
    users = np.repeat(np.arange(n_users), lengths)
    steps = np.concatenate([np.arange(length) for length in lengths])
    items = (random.integers(0, n_items, n_users)[users] + steps) % n_items
    times = (random.integers(0, 100, n_users)[users] + steps) * DAY
    histories = Histories.from_events(users, items, times, n_users)
    return Dataset([f"i{n}" for n in range(n_items)], [ItemContent()] * n_items, histories)


def test_what_comes_next_is_learned_where_it_goes_by_order() -> None:
    found = order_tuned(chains(), PARAMETERS)
    assert found.transition_share == order_tuning.SHARE
    assert tuned(chains(), PARAMETERS) == found


@pytest.mark.parametrize(
    ("figures", "power", "share"),
    [
        pytest.param([0.3, 0.2, 0.1], 0.0, 0.0, id="order says nothing"),
        pytest.param([0.1, 0.3, 0.2], 0.7, 0.0, id="recency"),
        pytest.param([0.1, 0.2, 0.3], 0.7, 1.0, id="transitions"),
    ],
)
def test_what_ranks_best_is_chosen(
    monkeypatch: pytest.MonkeyPatch, figures: list[float], power: float, share: float
) -> None:
    left = iter(figures)
    monkeypatch.setattr(order_tuning, "quality", lambda model, split, depth: next(left))
    found = order_tuned(checkerboard(), PARAMETERS)
    assert (found.position_power, found.transition_share) == (power, share)


def test_where_nothing_can_be_held_out_the_parameters_stay() -> None:
    one = Histories(np.array([0, 1, 2]), np.array([0, 1], np.int32), np.array([0, DAY]))
    heard: list[float] = []
    few = Dataset(["a", "b"], [ItemContent()] * 2, one)
    assert order_tuned(few, PARAMETERS, on_progress=heard.append) is PARAMETERS
    assert heard == [1.0]


def test_progress_rises_to_one() -> None:
    heard: list[float] = []
    order_tuned(chains(), replace(PARAMETERS, trend_rank=2), on_progress=heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
