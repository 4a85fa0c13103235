"""Kinds are tried one after the other, for as long as there is time."""

from collections.abc import Callable

import pytest
from tests.unit.ml_engine.models.checkerboard import checkerboard

from contracts.training import ModelType
from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset
from ml_engine.models import popularity
from ml_engine.models.popularity import PopularityParameters
from ml_engine.training import trials
from ml_engine.training.checkpoints import Checkpoints
from ml_engine.training.model_kinds import KINDS, ModelKind
from ml_engine.training.trials import try_kinds

DATASET = checkerboard()
THREE = [ModelType.POPULARITY, ModelType.ITEM_KNN, ModelType.EASE]


class Clock:
    """Seconds that pass only while kinds are fitted."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(trials, "time", clock)
    return clock


def kind(clock: Clock, seconds: float, failure: Exception | None = None) -> ModelKind:
    """A kind whose fit takes `seconds` and is told of at its middle."""

    def fit(dataset: Dataset, _: object, __: int, on_share: Callable[[float], None]):
        clock.now += seconds / 2
        on_share(0.5)
        clock.now += seconds / 2
        if failure is not None:
            raise failure
        return popularity.fit(dataset)

    return ModelKind(PopularityParameters, lambda *_: PopularityParameters(), fit)


def test_what_has_time_is_tried_and_the_rest_is_skipped_in_words(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [kind(clock, 3), kind(clock, 4), kind(clock, 8)]
    monkeypatch.setattr(trials, "KINDS", dict(zip(THREE, made, strict=True)))
    found = try_kinds(THREE, DATASET, 0, 10, Checkpoints.in_memory(), lambda _: None)
    assert [(trial.kind, trial.seconds) for trial in found.tried] == [
        ("popularity", 3),
        ("item-knn", 4),
    ]
    reason = "given up after 4.0 s: the 10 s for trying kinds were over"
    assert found.to_json([0.1, 0.2]) == {
        "tried": [
            {"model": "popularity", "parameters": {}, "seconds": 3, "ndcg_at_10": 0.1},
            {"model": "item-knn", "parameters": {}, "seconds": 4, "ndcg_at_10": 0.2},
        ],
        "skipped": [{"model": "ease", "reason": reason}],
    }


def test_the_first_kind_is_fitted_whatever_time_it_takes(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [kind(clock, 30), kind(clock, 1), kind(clock, 1)]
    monkeypatch.setattr(trials, "KINDS", dict(zip(THREE, made, strict=True)))
    found = try_kinds(THREE, DATASET, 0, 10, Checkpoints.in_memory(), lambda _: None)
    assert [trial.kind for trial in found.tried] == ["popularity"]
    assert found.skipped[ModelType.EASE].startswith("given up after 0.0 s")


def test_a_kind_that_lacks_data_or_memory_is_skipped(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [NotEnoughData("an event"), MemoryError()]
    made = [*(kind(clock, 1, failure) for failure in failures), kind(clock, 1)]
    monkeypatch.setattr(trials, "KINDS", dict(zip(THREE, made, strict=True)))
    found = try_kinds(THREE, DATASET, 0, 10, Checkpoints.in_memory(), lambda _: None)
    assert [trial.kind for trial in found.tried] == ["ease"]
    assert found.skipped == {
        "popularity": str(failures[0]),
        "item-knn": "the data does not fit into memory",
    }


def test_where_no_kind_can_be_fitted_the_first_reason_is_told(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [kind(clock, 1, NotEnoughData(f"reason {n}")) for n in range(3)]
    monkeypatch.setattr(trials, "KINDS", dict(zip(THREE, made, strict=True)))
    with pytest.raises(NotEnoughData, match="reason 0"):
        try_kinds(THREE, DATASET, 0, 10, Checkpoints.in_memory(), lambda _: None)


def test_progress_rises_to_one_over_all_kinds() -> None:
    heard: list[float] = []
    try_kinds(list(KINDS), checkerboard(20, 8), 0, 1000, Checkpoints.in_memory(), heard.append)
    assert heard == sorted(heard)
    assert (heard[0], heard[-1]) == (0.0, pytest.approx(1.0))
