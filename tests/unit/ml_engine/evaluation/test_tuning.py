from dataclasses import replace

import numpy as np
import pytest
from tests.unit.ml_engine.models.checkerboard import checkerboard

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.evaluation import tuning, validation
from ml_engine.evaluation.splits import Split
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
        pytest.param([0.1, 0.3, 0.2, 0.4, 0.1, 0.2, 0.3], 0, 30.0, 0.25, 12, id="learned"),
        pytest.param([0.1, 0.3, 0.2, 0.4, 0.1, 0.5, 0.3], 12, 30.0, 0.5, 12, id="both"),
        pytest.param([0.3] * 7, 12, 30.0, 0.25, 0, id="all alike"),
    ],
)
def test_what_ranks_best_is_chosen(monkeypatch, figures, rank, gain, share, epochs):
    heard = told(monkeypatch, figures)
    found = tuned(checkerboard(timed=False), SMALL, seed=3)
    assert (found.similarity_rank, found.similarity_gain) == (rank, gain)
    assert (found.similarity_share, found.descent.epochs) == (share, epochs)
    assert (found.spectral_rank, found.popularity_weight) == (0, 0.7 if epochs else 1.0)
    # With a spectrum, and less popularity by two weights.
    assert len(heard) == len(figures) + 3 * (epochs > 0)
    assert found.descent.seed == 3


@pytest.mark.parametrize(
    ("better", "rank", "share", "weight"),
    [
        pytest.param({}, 0, 0.5, 0.7, id="none"),
        pytest.param({4: 0.5}, 4, 0.5, 0.7, id="the smaller"),
        pytest.param({5: 0.5}, 6, 0.5, 0.7, id="the larger"),
        pytest.param({5: 0.5, 13: 0.6}, 6, 1.0, 0.3, id="more of it with less popularity"),
        pytest.param({7: 0.5}, 0, 0.5, 0.3, id="less popularity alone"),
    ],
)
def test_a_spectrum_stands_beside_what_is_learned_where_it_ranks_better(
    monkeypatch, better, rank, share, weight
):
    monkeypatch.setattr(tuning, "SPECTRAL_RANKS", (4, 6))
    figures = [0.1, 0.1, 0.1, 0.2] + [0.1] * 10
    told(monkeypatch, [better.get(step, figure) for step, figure in enumerate(figures)])
    found = tuned(checkerboard(timed=False), replace(SMALL, similarity_items=11))
    assert found.descent.epochs
    assert (found.spectral_rank, found.spectral_share) == (rank, share)
    assert found.popularity_weight == weight
    assert found.descent.guide_rank == 6


def test_the_spectrum_of_many_items_has_fewer_dimensions(monkeypatch):
    dataset = checkerboard(timed=False)
    monkeypatch.setattr(tuning, "SPECTRAL_NUMBERS", 3 * dataset.n_items)
    told(monkeypatch, [0.1, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1, 0.5])
    found = tuned(dataset, SMALL)
    assert (found.spectral_rank, found.descent.guide_rank) == (3, 3)


@pytest.mark.parametrize(("limit", "widest"), [(None, 17), (17, 17), (16, 5), (5, 5), (3, 3)])
def test_no_wider_vectors_are_tried_than_are_allowed(monkeypatch, limit, widest):
    monkeypatch.setattr(tuning, "GAINS", ())
    heard = told(monkeypatch, [1.0])
    tuned(checkerboard(timed=False), replace(SMALL, similarity_items=11), max_dimensions=limit)
    assert max(model.dimensions for model in heard) == widest


def told(monkeypatch: pytest.MonkeyPatch, figures: list[float]) -> list[TwoTower]:
    """The models that are asked about, which find the quality that `figures` say, in order.

    Those beyond the last find none.
    """
    heard: list[TwoTower] = []

    def quality(model: TwoTower, split: object) -> float:
        heard.append(model)
        return figures[len(heard) - 1] if len(heard) <= len(figures) else 0.0

    monkeypatch.setattr(tuning, "quality", quality)
    return heard


def test_ease_stands_beside_learned_tables_only_where_it_covers_the_catalogue(monkeypatch):
    asked: list[int] = []

    def quality(model: TwoTower, split: object) -> float:
        asked.append(model.dimensions)
        return 1.0

    monkeypatch.setattr(tuning, "quality", quality)
    tuned(checkerboard(timed=False), replace(SMALL, similarity_items=11))
    assert asked[3:] == [5]


def test_more_events_are_gone_over_fewer_times(monkeypatch):
    dataset = checkerboard(timed=False)
    monkeypatch.setattr(tuning, "quality", lambda model, split: 1.0)
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
    monkeypatch.setattr(validation, "USERS", 7)
    asked: list[np.ndarray] = []

    def quality(model: object, split: Split) -> float:
        asked.append(split.users)
        return 1.0

    monkeypatch.setattr(tuning, "quality", quality)
    tuned(checkerboard(timed=False), SMALL)
    assert {len(users) for users in asked} == {7}
