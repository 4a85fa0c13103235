"""What happens in a training job, stage by stage."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from backends.stages import StageClock
from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset, Histories
from ml_engine.evaluation.report import evaluate
from ml_engine.evaluation.splits import Split, temporal_split
from ml_engine.evaluation.tuning import tuned
from ml_engine.models import ease, popularity
from ml_engine.models.model import Model
from ml_engine.models.two_tower import TwoTowerParameters
from ml_engine.models.two_tower.fit import fit
from ml_engine.retrieval.artifact import save_serving_model
from ml_engine.retrieval.index_choice import QUERIES, choose
from ml_engine.training.feature_engineering import build_dataset

OnProgress = Callable[[str, float], None]
"""Told the stage and the share of the whole job that is done, 0 to 1."""

EASE_MAX_ITEMS = 20_000
"""EASE inverts a matrix of this many rows squared: beyond it, 1.6 GB and minutes."""

EASE_L2 = 3000.0
"""Chosen on validation of the sample, movietweetings-100k, and not for each data set; there it is
flat between 1,000 and 10,000. EASE stands in the report to be compared with."""


def train(
    events: pa.Table,
    items: pa.Table,
    event_weights: Mapping[str, float],
    seed: int,
    folder: Path,
    clock: StageClock,
    on_progress: OnProgress,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Train, evaluate and save a two-tower model; returns its report and its parameters.

    The report is of a model trained without the held-out events; the saved model has seen all.
    Raises NotEnoughData.
    """
    with clock.stage("feature_engineering"):
        on_progress("feature_engineering", 0.05)
        dataset = build_dataset(events, items, event_weights)
        split = _held_out(dataset)
    with clock.stage("model_training"):
        parts = [
            _part(on_progress, "model_training", start, start + 0.2) for start in (0.1, 0.3, 0.5)
        ]
        parameters = tuned(split.train, TwoTowerParameters(), seed, parts[0])
        evaluated = fit(split.train, parameters, parts[1])
        served = fit(dataset, parameters, parts[2])
    with clock.stage("index_building") as stage:
        on_progress("index_building", 0.7)
        index = choose(served.item_vectors, served.encode_users(_some_users(dataset, seed)))
        stage.attributes = {
            "retrieval.index_type": index.report.index_type,
            "retrieval.recall_at_10": index.report.recall_at_10,
        }
        save_serving_model(folder, served, dataset, index)
    with clock.stage("model_evaluation"):
        on_progress("model_evaluation", 0.75)
        models = [evaluated, *baselines(split)]
        report = evaluate(models, split, seed=seed).to_json()
        report["index"] = index.report.to_json()
        on_progress("model_evaluation", 1.0)
    return report, asdict(parameters)


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
