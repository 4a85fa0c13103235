"""Another attempt at a job goes on where the one before was cut off."""

import json
from dataclasses import asdict

import pytest
from tests.unit.ml_engine.models.checkerboard import checkerboard

from contracts.training import ModelType
from ml_engine.domain.interactions import Dataset
from ml_engine.training import trials
from ml_engine.training.checkpoints import Checkpoints, Found
from ml_engine.training.model_kinds import KINDS, ModelKind
from ml_engine.training.trials import try_kinds


def silent(*_: object) -> None: ...


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("timed", [True, False])
def test_parameters_come_back_from_json_as_they_were(kind: ModelType, timed: bool) -> None:
    parameters = KINDS[kind].tune(checkerboard(timed=timed), 3, silent)
    assert KINDS[kind].parameters_of(json.loads(json.dumps(asdict(parameters)))) == parameters


def test_only_what_the_same_code_has_found_counts() -> None:
    kept: dict[str, Found] = {}
    Checkpoints({}, kept.__setitem__, "1.0").add("choice", {"kind": "als"})
    assert Checkpoints(kept, silent, "1.0").found("choice") == {"kind": "als"}
    assert Checkpoints(kept, silent, "1.0").found("parameters of als") is None
    assert Checkpoints(kept, silent, "1.1").found("choice") is None


def test_a_kind_that_was_tuned_is_not_tuned_again(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds, dataset = [ModelType.ITEM_KNN, ModelType.EASE], checkerboard()
    kept: dict[str, Found] = {}
    first = try_kinds(kinds, dataset, 0, 100, Checkpoints({}, kept.__setitem__, "1"), silent)
    assert kept.keys() == {"1/parameters of item-knn", "1/parameters of ease"}
    tuned: list[ModelType] = []

    def noting(kind: ModelType) -> ModelKind:
        found = KINDS[kind]

        def tune(dataset: Dataset, seed: int, on_share: trials.OnShare) -> object:
            tuned.append(kind)
            return found.tune(dataset, seed, on_share)

        return ModelKind(found.parameters, tune, found.fit)

    monkeypatch.setattr(trials, "KINDS", {kind: noting(kind) for kind in kinds})
    del kept["1/parameters of ease"]
    again = try_kinds(kinds, dataset, 0, 100, Checkpoints(kept, silent, "1"), silent)
    assert tuned == [ModelType.EASE]
    assert [one.parameters for one in again.tried] == [one.parameters for one in first.tried]
