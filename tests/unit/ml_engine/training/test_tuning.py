"""Settings of the kinds that are chosen by a few trials."""

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.ml_engine.models.checkerboard import checkerboard

from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.evaluation.splits import Split
from ml_engine.evaluation.validation import validation
from ml_engine.models.als import Als
from ml_engine.models.item_to_item import ItemKnnParameters, ItemToItem, item_knn
from ml_engine.training import tuning
from ml_engine.training.tuning import ALS, ITEM_KNN, tuned_als, tuned_item_to_item

ONE_EACH = Dataset(["a"], [ItemContent()], Histories.from_rows([[0], [0]]))


def silent(_: float) -> None: ...


@pytest.mark.parametrize("timed", [True, False])
def test_the_best_settings_and_then_the_best_weights_of_histories_are_chosen(
    monkeypatch: pytest.MonkeyPatch, timed: bool
) -> None:
    dataset = checkerboard(timed=timed)
    fitted: list[ItemKnnParameters] = []

    def fit(train: Dataset, parameters: ItemKnnParameters) -> ItemToItem:
        fitted.append(parameters)
        return replace(item_knn.fit(train, parameters), name=str(parameters.shrinkage))

    def quality(model: ItemToItem, _: Split) -> float:
        near = -abs(model.position_power - 1.5) - abs(model.gain - 0.1)
        return 10.0 + near + 100 * (model.name == "100.0")

    monkeypatch.setattr(tuning, "quality", quality)
    heard: list[float] = []
    found = tuned_item_to_item(dataset, ITEM_KNN, fit, 0, heard.append)
    assert found.shrinkage == 100.0
    assert (found.history.position_power, found.history.gain) == (1.5 if timed else 0.0, 0.1)
    assert len(fitted) == len(ITEM_KNN)
    assert {one.history.position_power for one in fitted} == {0.7 if timed else 0.0}
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


def test_als_has_the_settings_that_rank_best(monkeypatch: pytest.MonkeyPatch) -> None:
    def quality(model: Als, _: Split) -> float:
        return float(model.alpha == ALS[-1].alpha)

    monkeypatch.setattr(tuning, "quality", quality)
    found = tuned_als(checkerboard(), 0, silent)
    assert found == next(one for one in ALS if one.alpha == ALS[-1].alpha)


def test_where_nothing_can_be_held_out_the_first_settings_are_kept() -> None:
    assert tuned_item_to_item(ONE_EACH, ITEM_KNN, item_knn.fit, 0, silent) is ITEM_KNN[0]
    assert tuned_als(ONE_EACH, 0, silent) is ALS[0]


def test_validation_is_of_the_last_events_where_there_are_times() -> None:
    timed, untimed = validation(checkerboard(), 0), validation(checkerboard(timed=False), 0)
    assert "last 10% of the events by time" in timed.held_by
    assert "random 10%" in untimed.held_by


def test_large_catalogues_are_asked_for_fewer_users() -> None:
    split = validation(checkerboard(), 0, max_scores=5 * 12)
    assert len(split.users) == 5
    assert np.array_equal(split.users, validation(checkerboard(), 0, max_scores=5 * 12).users)
