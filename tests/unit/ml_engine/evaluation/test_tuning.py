from dataclasses import replace

import numpy as np
import pytest
from tests.unit.ml_engine.models.checkerboard import checkerboard

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.evaluation import tuning
from ml_engine.evaluation.tuning import tuned
from ml_engine.models.two_tower import TwoTower, TwoTowerParameters
from ml_engine.models.two_tower.parameters import DescentParameters

SMALL = TwoTowerParameters(descent=DescentParameters(rank=4))


def test_events_with_times_keep_the_closed_form():
    assert tuned(checkerboard(), SMALL).descent.epochs == 0


@pytest.mark.parametrize(
    ("figures", "rank", "gain", "share", "epochs"),
    [
        pytest.param([0.1, 0.3, 0.2, 0.2, 0.1, 0.1, 0.1], 12, 300.0, 0.25, 0, id="closed form"),
        pytest.param([0.1, 0.3, 0.2, 0.4, 0.1, 0.2, 0.3], 0, 30.0, 0.25, 14, id="learned"),
        pytest.param([0.1, 0.3, 0.2, 0.4, 0.1, 0.5, 0.3], 12, 30.0, 0.5, 14, id="both"),
        pytest.param([0.3] * 7, 12, 30.0, 0.25, 0, id="all alike"),
    ],
)
def test_what_ranks_best_is_chosen(monkeypatch, figures, rank, gain, share, epochs):
    heard: list[TwoTower] = []

    def quality(model: TwoTower, split: object) -> float:
        heard.append(model)
        return figures[len(heard) - 1]

    monkeypatch.setattr(tuning, "_quality", quality)
    found = tuned(checkerboard(timed=False), SMALL, seed=3)
    assert (found.similarity_rank, found.similarity_gain) == (rank, gain)
    assert (found.similarity_share, found.descent.epochs) == (share, epochs)
    assert len(heard) == len(figures)
    assert found.descent.seed == 3


def test_ease_stands_beside_learned_tables_only_where_it_covers_the_catalogue(monkeypatch):
    asked: list[int] = []

    def quality(model: TwoTower, split: object) -> float:
        asked.append(model.dimensions)
        return 1.0

    monkeypatch.setattr(tuning, "_quality", quality)
    tuned(checkerboard(timed=False), replace(SMALL, similarity_items=11))
    assert asked[3:] == [5]


def test_more_events_are_gone_over_fewer_times(monkeypatch):
    dataset = checkerboard(timed=False)
    monkeypatch.setattr(tuning, "_quality", lambda model, split: 1.0)
    monkeypatch.setattr(tuning, "GAINS", ())
    monkeypatch.setattr(tuning, "EVENTS", 3 * dataset.histories.n_events)
    assert tuned(dataset, SMALL).descent.epochs == 3
    monkeypatch.setattr(tuning, "EVENTS", 1)
    assert tuned(dataset, SMALL).descent.epochs == 1


def test_the_same_data_and_seed_give_the_same_settings():
    dataset = checkerboard(timed=False)
    assert tuned(dataset, SMALL) == tuned(dataset, SMALL)


def test_progress_rises_to_one():
    heard: list[float] = []
    tuned(checkerboard(timed=False), SMALL, on_progress=heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


def test_nothing_to_hold_out_is_said():
    dataset = Dataset(["a"], [ItemContent()], Histories.from_rows([[0]]))
    with pytest.raises(NotEnoughData):
        tuned(dataset, SMALL)


def test_only_some_users_are_asked(monkeypatch):
    monkeypatch.setattr(tuning, "VALIDATION_USERS", 7)
    asked: list[np.ndarray] = []

    def quality(model: object, split: tuning.Split) -> float:
        asked.append(split.users)
        return 1.0

    monkeypatch.setattr(tuning, "_quality", quality)
    tuned(checkerboard(timed=False), SMALL)
    assert {len(users) for users in asked} == {7}
