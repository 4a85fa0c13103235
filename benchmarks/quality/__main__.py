"""Recommendation quality: `python -m benchmarks.quality --dataset movietweetings-100k`.

Prints one JSON object a line: each model's figures on the test part, then the published ones.
Settings are chosen by validation within the training part. DATASET_DIR names the folder with the
data sets.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality import datasets, published
from contracts.training import ModelType
from ml_engine.domain.interactions import Dataset
from ml_engine.evaluation import metrics
from ml_engine.evaluation.order_tuning import order_variants
from ml_engine.evaluation.report import evaluate
from ml_engine.evaluation.splits import Split, temporal_split
from ml_engine.evaluation.tuning import tuned
from ml_engine.models.model import Model
from ml_engine.models.two_tower import TwoTower, TwoTowerParameters
from ml_engine.models.two_tower.fit import fit
from ml_engine.training.checkpoints import Checkpoints
from ml_engine.training.model_kinds import KINDS, OnShare, Tune
from ml_engine.training.trials import tuned_parameters

Figures = dict[str, Any]

NARROW = 256
"""Dimensions that an index searches at little cost."""


def main() -> None:
    """Read the set that was asked for and print a line a model."""
    parser = argparse.ArgumentParser(prog="benchmarks.quality")
    parser.add_argument("--dataset", required=True, choices=sorted(RUNS))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    try:
        directory = datasets.dataset_directory(arguments.dataset)
    except FileNotFoundError as error:
        sys.exit(str(error))
    for figures in RUNS[arguments.dataset](directory, arguments.seed):
        print(json.dumps({"dataset": arguments.dataset, **figures}), flush=True)
    for figures in published.FIGURES.get(arguments.dataset, []):
        print(json.dumps({"dataset": arguments.dataset, "source": "published", **figures}))


def movietweetings(directory: Path, seed: int) -> Iterator[Figures]:
    """Last tenth of each user's events, full ranking, at 10; then what order is worth."""
    split = temporal_split(datasets.read_movietweetings(directory))
    for model, figures in _models(split.train, seed):
        yield {**figures, **_ranked(model, split, 10, seed)}
    for order, parameters in order_variants(split.train, TwoTowerParameters()).items():
        model, figures = _timed(lambda own=parameters: fit(split.train, own))
        yield {**figures, "order": order, **_ranked(model, split, 10, seed)}


def gowalla(directory: Path, seed: int) -> Iterator[Figures]:
    """The published split, full ranking, at 20."""
    train, held_out = datasets.read_gowalla(directory)
    split = Split(train, held_out, "LightGCN's split")
    for model, figures in _models(train, seed):
        yield {**figures, **_ranked(model, split, 20, seed)}


def ml_1m(directory: Path, seed: int) -> Iterator[Figures]:
    """The left-out item against its sampled negatives, at 10."""
    train, test = datasets.read_ml_1m(directory)
    for model, figures in _models(train, seed):
        yield {**figures, **_sampled(model, train, test)}


RUNS: dict[str, Callable[[Path, int], Iterator[Figures]]] = {
    "movietweetings-100k": movietweetings,
    "gowalla": gowalla,
    "ml-1m": ml_1m,
}


def _models(train: Dataset, seed: int) -> Iterator[tuple[Model, Figures]]:
    """Each kind that a job can train, as jobs do it: the default one first, and where it is wider
    than NARROW the same of at most so many dimensions.
    """
    model, figures = _made(train, seed, ModelType.TWO_TOWER)
    yield model, figures
    if isinstance(model, TwoTower) and model.dimensions > NARROW:
        model, figures = _made(train, seed, ModelType.TWO_TOWER, _narrow)
        yield model, {**figures, "at_most_dimensions": NARROW}
    for kind in KINDS:
        if kind is not ModelType.TWO_TOWER:
            yield _made(train, seed, kind)


def _narrow(train: Dataset, seed: int, on_share: OnShare) -> TwoTowerParameters:
    return tuned(train, TwoTowerParameters(), seed, on_share, NARROW)


def _made(
    train: Dataset, seed: int, kind: ModelType, tune: Tune | None = None
) -> tuple[Model, Figures]:
    """Tuned as jobs do it, or by `tune`."""
    chosen: list[Any] = []

    def jobs(train: Dataset, seed: int, on_share: OnShare) -> Any:
        return tuned_parameters(kind, train, seed, Checkpoints.in_memory(), on_share)

    def fitted() -> Model:
        chosen.append((tune or jobs)(train, seed, _unheard))
        return KINDS[kind].fit(train, chosen[0], seed, _unheard)

    model, figures = _timed(fitted)
    return model, {**figures, "parameters": asdict(chosen[0])}


def _unheard(_: float) -> None:
    """Nobody follows the progress here."""


def _timed(make: Callable[[], Model]) -> tuple[Model, Figures]:
    wall, cpu = time.perf_counter(), time.process_time()
    model = make()
    figures: Figures = {
        "model": model.name,
        "fit_seconds": round(time.perf_counter() - wall, 2),
        "fit_cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_memory_mb": _peak_memory_mb(),
    }
    return model, figures


def _peak_memory_mb() -> int:
    """Of the whole process so far, the data and earlier models included."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _ranked(model: Model, split: Split, k: int, seed: int) -> Figures:
    report = evaluate([model], split, k, seed)
    figures: Figures = {"n_users": report.n_users, "protocol": report.protocol}
    for name, value in report.models[0].metrics.items():
        figures[name] = round(value.mean, 4)
        figures[f"{name}_interval"] = [round(value.low, 4), round(value.high, 4)]
    return figures


def _sampled(model: Model, train: Dataset, test: datasets.SampledTest) -> Figures:
    ranks = np.zeros(len(test.users), np.int64)
    for start in range(0, len(test.users), 512):
        rows = range(start, min(start + 512, len(test.users)))
        scores = model.scores(train.histories.select(test.users[rows.start : rows.stop]))
        for row, user_scores in zip(rows, scores, strict=True):
            better = user_scores[test.negatives[row]] >= user_scores[test.items[row]]
            ranks[row] = int(better.sum())
    hits = ranks[:, None] == np.arange(10)[None, :]
    one = np.ones(len(hits), np.int64)
    return {
        "n_users": len(hits),
        "hit_rate_at_10": round(float(metrics.hit_rate(hits, one).mean()), 4),
        "ndcg_at_10": round(float(metrics.ndcg(hits, one).mean()), 4),
    }


if __name__ == "__main__":
    main()
