"""Another attempt at a job goes on where the one before was cut off."""

import json
from dataclasses import asdict, replace

import pytest
from tests.unit.ml_engine.models.checkerboard import checkerboard

from contracts.training import ModelType
from ml_engine.domain.interactions import Dataset
from ml_engine.training import trials
from ml_engine.training.checkpoints import Checkpoints, Found
from ml_engine.training.model_kinds import KINDS, ModelKind
from ml_engine.training.trials import try_kinds, tuned_parameters


def silent(*_: object) -> None: ...


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("timed", [True, False])
def test_parameters_come_back_from_json_as_they_were(kind: ModelType, timed: bool) -> None:
    dataset = checkerboard(timed=timed)
    parameters = tuned_parameters(kind, dataset, 3, Checkpoints.in_memory(), silent)
    assert KINDS[kind].parameters_of(json.loads(json.dumps(asdict(parameters)))) == parameters


def test_only_what_the_same_code_has_found_counts() -> None:
    kept: dict[str, Found] = {}
    Checkpoints({}, kept.__setitem__, "1.0").add("choice", {"kind": "als"})
    assert Checkpoints(kept, silent, "1.0").found("choice") == {"kind": "als"}
    assert Checkpoints(kept, silent, "1.0").found("parameters of als") is None
    assert Checkpoints(kept, silent, "1.1").found("choice") is None


def watched(monkeypatch: pytest.MonkeyPatch, kinds: list[ModelType]) -> list[ModelType]:
    """The kinds that are tuned from now on, as they are."""
    tuned: list[ModelType] = []

    def noting(kind: ModelType) -> ModelKind:
        found = KINDS[kind]
        if isinstance(found.tune, ModelType):
            return found
        tune = found.tune

        def noted(dataset: Dataset, seed: int, on_share: trials.OnShare) -> object:
            tuned.append(kind)
            return tune(dataset, seed, on_share)

        return replace(found, tune=noted)

    monkeypatch.setattr(trials, "KINDS", {kind: noting(kind) for kind in kinds})
    return tuned


def test_a_kind_that_was_tuned_is_not_tuned_again(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds, dataset = [ModelType.ITEM_KNN, ModelType.EASE], checkerboard()
    kept: dict[str, Found] = {}
    first = try_kinds(kinds, dataset, 0, 100, Checkpoints({}, kept.__setitem__, "1"), silent)
    assert kept.keys() == {"1/parameters of item-knn", "1/parameters of ease"}
    tuned = watched(monkeypatch, kinds)
    del kept["1/parameters of ease"]
    again = try_kinds(kinds, dataset, 0, 100, Checkpoints(kept, silent, "1"), silent)
    assert tuned == [ModelType.EASE]
    assert [one.parameters for one in again.tried] == [one.parameters for one in first.tried]


def test_towers_are_tuned_once_for_all_kinds_that_are_made_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds = [ModelType.TWO_TOWER, ModelType.TWO_STAGE]
    tuned = watched(monkeypatch, kinds)
    towers, two_stage = try_kinds(
        kinds, checkerboard(), 0, 100, Checkpoints.in_memory(), silent
    ).tried
    assert tuned == [ModelType.TWO_TOWER]
    assert two_stage.parameters.towers == towers.parameters
