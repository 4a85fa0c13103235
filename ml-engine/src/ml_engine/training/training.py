"""What happens in a training job, stage by stage."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from backends.stages import StageClock
from contracts.training import ModelType
from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset, Histories
from ml_engine.evaluation.report import evaluate
from ml_engine.evaluation.splits import Split, temporal_split
from ml_engine.models import ease, popularity
from ml_engine.models.model import Model
from ml_engine.retrieval.artifact import save_serving_model
from ml_engine.retrieval.index_choice import QUERIES, index_of
from ml_engine.training.checkpoints import Checkpoints
from ml_engine.training.feature_engineering import build_dataset
from ml_engine.training.model_kinds import KINDS, types_for
from ml_engine.training.trials import SHARE, try_kinds

OnProgress = Callable[[str, float], None]
"""Told the stage and the share of the whole job that is done, 0 to 1."""

EASE_MAX_ITEMS = 20_000
"""EASE inverts a matrix of this many rows squared: beyond it, 1.6 GB and minutes."""

EASE_L2 = 3000.0
"""Chosen on validation of the sample, movietweetings-100k, and not for each data set; there it is
flat between 1,000 and 10,000. EASE stands in the report to be compared with."""


CHOICE: Final = "choice"
"""The checkpoint of what was found best, of which only the last fit is left to do."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """A kind with its parameters, and the report on a model that was fitted by them."""

    kind: ModelType
    parameters: Any
    report: dict[str, Any]


def train(  # noqa: PLR0913, PLR0917  what a job is, and where it tells of it
    events: pa.Table,
    items: pa.Table,
    event_weights: Mapping[str, float],
    model_type: ModelType,
    seed: int,
    folder: Path,
    clock: StageClock,
    on_progress: OnProgress,
    checkpoints: Checkpoints,
    max_seconds: float = math.inf,
) -> tuple[ModelType, dict[str, Any], dict[str, Any]]:
    """Train, evaluate and save a model; returns its kind, its parameters and its report.

    The report is of models trained without the held-out events; the saved one has seen all. Of
    several kinds, which have a part of `max_seconds`, the one that ranks these events best is
    saved. What `checkpoints` have is not done again. Raises NotEnoughData.
    """
    end_of_trials = time.monotonic() + SHARE * max_seconds
    with clock.stage("feature_engineering"):
        on_progress("feature_engineering", 0.05)
        dataset = build_dataset(events, items, event_weights)
        split = _held_out(dataset)
    choice = _choice_of(checkpoints)
    if choice is None:
        seconds = end_of_trials - time.monotonic()
        choice = _choose(
            types_for(model_type), split, seed, seconds, clock, checkpoints, on_progress
        )
        checkpoints.add(CHOICE, asdict(choice))
    with clock.stage("model_training"):
        on_share = _part(on_progress, "model_training", 0.7, 0.9)
        served = KINDS[choice.kind].fit(dataset, choice.parameters, seed, on_share)
    with clock.stage("index_building") as stage:
        on_progress("index_building", 0.9)
        index = index_of(served, _some_users(dataset, seed))
        stage.attributes = {
            "retrieval.index_type": index.report.index_type,
            "retrieval.recall_at_10": index.report.recall_at_10,
        }
        save_serving_model(folder, served, dataset, index)
        on_progress("index_building", 1.0)
    report = {**choice.report, "index": index.report.to_json()}
    return choice.kind, asdict(choice.parameters), report


def _choose(
    kinds: Sequence[ModelType],
    split: Split,
    seed: int,
    seconds: float,
    clock: StageClock,
    checkpoints: Checkpoints,
    on_progress: OnProgress,
) -> _Choice:
    """Try kinds for as long as `seconds`, and compare them with each other and the baselines."""
    with clock.stage("model_training") as stage:
        on_share = _part(on_progress, "model_training", 0.1, 0.6)
        trials = try_kinds(kinds, split.train, seed, seconds, checkpoints, on_share)
        stage.attributes = {
            "training.kinds_tried": ", ".join(trial.kind for trial in trials.tried),
            "training.kinds_skipped": ", ".join(trials.skipped),
        }
    with clock.stage("model_evaluation"):
        on_progress("model_evaluation", 0.6)
        models = [trial.model for trial in trials.tried]
        names = {model.name for model in models}
        others = [model for model in baselines(split) if model.name not in names]
        report = evaluate([*models, *others], split, seed=seed).to_json()
        ndcg = [entry["metrics"]["ndcg_at_10"]["mean"] for entry in report["models"]]
        figures = ndcg[: len(models)]
        best = trials.tried[int(np.argmax(figures))]
        report["kinds"] = trials.to_json(figures)
    return _Choice(best.kind, best.parameters, report)


def _choice_of(checkpoints: Checkpoints) -> _Choice | None:
    found = checkpoints.found(CHOICE)
    if found is None:
        return None
    kind = ModelType(found["kind"])
    return _Choice(kind, KINDS[kind].parameters_of(found["parameters"]), found["report"])


def _some_users(dataset: Dataset, seed: int) -> Histories:
    """The histories that the index is measured with."""
    met = np.flatnonzero(dataset.histories.lengths)
    chosen = np.random.default_rng(seed).permutation(met)[:QUERIES]
    return dataset.histories.select(chosen)


def _held_out(dataset: Dataset) -> Split:
    split = temporal_split(dataset)
    if not (split.train.histories.lengths >= 2).any():
        raise NotEnoughData("a user with three or more events, of which the report keeps one back")
    return split


def baselines(split: Split) -> list[Model]:
    """What every model is compared with: EASE where it fits into memory, and popularity."""
    simple: list[Model] = [popularity.fit(split.train)]
    if split.train.n_items > EASE_MAX_ITEMS:
        return simple
    return [ease.fit(split.train, EASE_L2), *simple]


def _part(on_progress: OnProgress, stage: str, start: float, end: float) -> Callable[[float], None]:
    def report(share: float) -> None:
        on_progress(stage, start + share * (end - start))

    return report
