from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.ml_engine.models.checkerboard import checkerboard

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.evaluation import tuning, validation
from ml_engine.evaluation.order_tuning import best_order, order_tuned
from ml_engine.evaluation.splits import Split
from ml_engine.evaluation.tuning import tuned
from ml_engine.models.two_tower import TwoTowerParameters
from ml_engine.models.two_tower.parameters import DescentParameters

SMALL = TwoTowerParameters(descent=DescentParameters(rank=4))
UNCOVERED = replace(SMALL, similarity_items=10)
"""With EASE for ten items of the checkerboard's twelve."""


@pytest.mark.parametrize(
    ("learned", "closed_form", "epochs"),
    [(0.5, 0.4, 12), (0.404, 0.4, 0), (0.3, 0.4, 0)],
)
def test_events_with_times_have_learned_tables_where_these_rank_better(
    monkeypatch, learned, closed_form, epochs
):
    def figure(candidate: TwoTowerParameters) -> float:
        return learned if candidate.descent.epochs else closed_form

    tried = told(monkeypatch, figure)
    chosen = tuned(checkerboard(), UNCOVERED, seed=3)
    assert chosen.descent.epochs == epochs
    if epochs:
        assert (chosen.similarity_rank, chosen.descent.seed) == (0, 3)
    else:
        assert chosen == order_tuned(checkerboard(), UNCOVERED, seed=3)
    learned_ones = [one for one in tried if one.descent.epochs]
    assert not any(one.similarity_rank for one in learned_ones)
    assert (len(learned_ones) == 1) == (learned < 0.9 * closed_form)


@pytest.mark.parametrize(("power", "decay", "newest"), [(1.4, 0.1, 30), (0.0, 0.0, 5)])
def test_how_fast_events_lose_weight_is_chosen_last(monkeypatch, power, decay, newest):
    def figure(candidate: TwoTowerParameters) -> float:
        if not candidate.descent.epochs:
            return 0.0
        return 1.0 + (candidate.position_power == power) + (candidate.popularity_weight == 0.5)

    tried = told(monkeypatch, figure)
    chosen = tuned(checkerboard(), UNCOVERED)
    assert (chosen.position_power, chosen.popularity_weight) == (power, 0.5)
    assert (chosen.decay_per_day, chosen.max_history) == (decay, newest)
    powers = [one.position_power for one in tried if one.descent.epochs]
    assert powers == sorted(powers, key=lambda power: power != 1.0)


def test_of_events_with_times_that_say_too_little_the_settings_stay():
    heard: list[float] = []
    times = np.array([1, 2])
    histories = Histories.from_events(np.array([0, 1]), np.array([0, 0]), times, 2)
    dataset = Dataset(["a"], [ItemContent()], histories)
    nothing_covered = replace(SMALL, similarity_items=0)
    assert tuned(dataset, nothing_covered, on_progress=heard.append) == nothing_covered
    assert heard[-1] == 1.0


def test_where_ease_knows_of_nearly_all_events_nothing_else_is_tried(monkeypatch):
    tried = told(monkeypatch, lambda candidate: candidate.descent.epochs)
    assert tuned(checkerboard(), SMALL).descent.epochs == 0
    assert tried == []


@pytest.mark.parametrize(
    ("figures", "found"),
    [
        pytest.param({"gain 300": 0.3, "learned": 0.2}, "gain 300", id="closed form"),
        pytest.param({"gain 300": 0.3, "learned": 0.4, "share 0.5": 0.3}, "learned", id="learned"),
        pytest.param({"learned": 0.4, "share 0.5": 0.5, "share 1": 0.45}, "share 0.5", id="both"),
        pytest.param({"learned": 0.4, "share 1": 0.403}, "learned", id="both, for hardly more"),
        pytest.param({}, "learned", id="all alike"),
    ],
)
def test_what_ranks_best_is_chosen(monkeypatch, figures, found):
    def kind(candidate: TwoTowerParameters) -> str:
        if not candidate.descent.epochs:
            return f"gain {candidate.similarity_gain:g}"
        return f"share {candidate.similarity_share:g}" if candidate.similarity_rank else "learned"

    tried = told(monkeypatch, lambda candidate: figures.get(kind(candidate), 0.1))
    chosen = tuned(checkerboard(timed=False), SMALL, seed=3)
    assert kind(chosen) == found
    closed_form = chosen.descent.epochs == 0
    assert chosen.descent.epochs == (0 if closed_form else 12)
    assert chosen.popularity_weight == (1.0 if closed_form else 0.3)
    assert (chosen.spectral_rank, chosen.descent.seed) == (0, 3)
    # With a spectrum, and less popularity by two weights.
    assert len(tried) == 3 + 1 + 3 + (0 if closed_form else 3)


@pytest.mark.parametrize(
    ("figures", "rank", "share", "weight"),
    [
        pytest.param({}, 0, 0.5, 0.3, id="none"),
        pytest.param({(4, 0.5, 0.7): 0.5}, 4, 0.5, 0.7, id="the smaller"),
        pytest.param({(6, 0.5, 0.7): 0.5}, 6, 0.5, 0.7, id="the larger"),
        pytest.param(
            {(4, 0.5, 0.7): 0.5, (6, 0.5, 0.7): 0.504}, 4, 0.5, 0.7, id="the larger, hardly better"
        ),
        pytest.param(
            {(6, 0.5, 0.7): 0.5, (6, 1.0, 0.3): 0.4995}, 6, 1.0, 0.3, id="less popularity, as good"
        ),
        pytest.param(
            {(6, 0.5, 0.7): 0.5, (6, 0.25, 0.5): 0.4995, (6, 1.0, 0.5): 0.4992},
            6,
            0.25,
            0.5,
            id="the better share of as little popularity",
        ),
        pytest.param(
            {(6, 0.5, 0.7): 0.5, (6, 1.0, 0.3): 0.498}, 6, 0.5, 0.7, id="less popularity, worse"
        ),
        pytest.param({(0, 0.5, 0.7): 0.5}, 0, 0.5, 0.7, id="popularity, without a spectrum"),
    ],
)
def test_a_spectrum_stands_beside_what_is_learned_where_it_ranks_better(
    monkeypatch, figures, rank, share, weight
):
    monkeypatch.setattr(tuning, "SPECTRAL_RANKS", (4, 6))

    def figure(candidate: TwoTowerParameters) -> float:
        asked = candidate.spectral_rank, candidate.spectral_share, candidate.popularity_weight
        return figures.get(asked, 0.1) if candidate.descent.epochs else 0.0

    told(monkeypatch, figure)
    found = tuned(checkerboard(timed=False), replace(SMALL, similarity_items=11))
    assert found.descent.epochs
    assert (found.spectral_rank, found.spectral_share) == (rank, share)
    assert found.popularity_weight == weight
    assert found.descent.guide_rank == 6


def test_the_spectrum_of_many_items_has_fewer_dimensions(monkeypatch):
    dataset = checkerboard(timed=False)
    monkeypatch.setattr(tuning, "SPECTRAL_NUMBERS", 3 * dataset.n_items)
    told(monkeypatch, lambda candidate: candidate.spectral_rank + candidate.descent.epochs)
    found = tuned(dataset, SMALL)
    assert (found.spectral_rank, found.descent.guide_rank) == (3, 3)


@pytest.mark.parametrize(("limit", "widest"), [(None, 29), (29, 29), (28, 17), (16, 13), (3, 3)])
def test_no_wider_vectors_are_tried_than_are_allowed(monkeypatch, limit, widest):
    def rank(candidate: TwoTowerParameters) -> int:
        learned = candidate.descent.rank if candidate.descent.epochs else 0
        return learned + candidate.similarity_rank + candidate.spectral_rank

    tried = told(monkeypatch, rank)
    tuned(checkerboard(timed=False), SMALL, max_dimensions=limit)
    assert max(map(rank, tried)) + 1 == widest


def told(
    monkeypatch: pytest.MonkeyPatch, figure: Callable[[TwoTowerParameters], float]
) -> list[TwoTowerParameters]:
    """The settings that are tried, each of which ranks as well as `figure` says."""
    tried: list[TwoTowerParameters] = []

    def assembled(*parts_and_candidate: object) -> TwoTowerParameters:
        candidate = parts_and_candidate[-1]
        assert isinstance(candidate, TwoTowerParameters)
        tried.append(candidate)
        return candidate

    monkeypatch.setattr(tuning, "assembled", assembled)
    monkeypatch.setattr(tuning, "best_order", lambda *of: (best_order(*of)[0], SMALL))
    monkeypatch.setattr(tuning, "quality", lambda candidate, split: figure(candidate))
    return tried


def test_ease_stands_beside_learned_tables_only_where_it_covers_the_catalogue(monkeypatch):
    tried = told(monkeypatch, lambda candidate: 1.0)
    tuned(checkerboard(timed=False), replace(SMALL, similarity_items=11))
    assert not any(one.similarity_rank for one in tried if one.descent.epochs)


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


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("parameters", [SMALL, UNCOVERED])
def test_progress_rises_to_one(timed, parameters):
    heard: list[float] = []
    tuned(checkerboard(timed=timed), parameters, on_progress=heard.append)
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


def test_the_dimensions_of_the_trend_count_where_there_is_one(monkeypatch):
    tried = told(monkeypatch, lambda candidate: candidate.descent.epochs)
    tuned(checkerboard(), UNCOVERED, max_dimensions=16)
    ranks = {one.descent.rank + one.spectral_rank for one in tried if one.descent.epochs}
    assert max(ranks) + SMALL.trend_rank + 1 <= 16
