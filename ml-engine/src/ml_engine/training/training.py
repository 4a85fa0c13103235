"""What happens in a training job, stage by stage."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

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


def train(  # noqa: PLR0913, PLR0917  what a job is, and where it tells of it
    events: pa.Table,
    items: pa.Table,
    event_weights: Mapping[str, float],
    model_type: ModelType,
    seed: int,
    folder: Path,
    clock: StageClock,
    on_progress: OnProgress,
    max_seconds: float = math.inf,
) -> tuple[ModelType, dict[str, Any], dict[str, Any]]:
    """Train, evaluate and save a model; returns its kind, its parameters and its report.

    The report is of models trained without the held-out events; the saved one has seen all. Of
    several kinds, which have a part of `max_seconds`, the one that ranks these events best is
    saved. Raises NotEnoughData.
    """
    started = time.monotonic()
    with clock.stage("feature_engineering"):
        on_progress("feature_engineering", 0.05)
        dataset = build_dataset(events, items, event_weights)
        split = _held_out(dataset)
    with clock.stage("model_training") as stage:
        left = SHARE * max_seconds - (time.monotonic() - started)
        on_share = _part(on_progress, "model_training", 0.1, 0.6)
        trials = try_kinds(types_for(model_type), split.train, seed, left, on_share)
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
    with clock.stage("model_training"):
        on_share = _part(on_progress, "model_training", 0.7, 0.9)
        served = KINDS[best.kind].fit(dataset, best.parameters, seed, on_share)
    with clock.stage("index_building") as stage:
        on_progress("index_building", 0.9)
        index = index_of(served, _some_users(dataset, seed))
        stage.attributes = {
            "retrieval.index_type": index.report.index_type,
            "retrieval.recall_at_10": index.report.recall_at_10,
        }
        save_serving_model(folder, served, dataset, index)
        on_progress("index_building", 1.0)
    report["index"] = index.report.to_json()
    return best.kind, asdict(best.parameters), report


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
