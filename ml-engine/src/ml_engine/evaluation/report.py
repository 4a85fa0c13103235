"""Reports that set models side by side on one split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ml_engine.evaluation.beyond_accuracy import coverage, novelty, popularity_bias
from ml_engine.evaluation.bootstrap import Interval, interval
from ml_engine.evaluation.metrics import METRICS
from ml_engine.evaluation.ranking import Ranking, rank
from ml_engine.evaluation.splits import Split
from ml_engine.models.model import Model


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One model's metrics, e.g. `metrics["ndcg_at_10"]`."""

    model: str
    metrics: dict[str, Interval]


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """Metrics of all models on the same users, with 95 % bootstrap intervals over users."""

    models: list[ModelReport]
    n_users: int
    k: int
    seed: int
    protocol: str

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return asdict(self)


def evaluate(models: Sequence[Model], split: Split, k: int = 10, seed: int = 0) -> EvaluationReport:
    """Rank with each model, take each metric at `k` and its interval by `seed`.

    Coverage is of all rankings together: its interval is the value alone.
    """
    reports: list[ModelReport] = []
    for model in models:
        ranking = rank(model, split, k)
        measured = {**_accuracy(ranking, seed), **_beyond_accuracy(ranking, split, seed)}
        metrics = {f"{name}_at_{k}": value for name, value in measured.items()}
        reports.append(ModelReport(model.name, metrics))
    return EvaluationReport(reports, len(split.users), k, seed, split.protocol)


def _accuracy(ranking: Ranking, seed: int) -> dict[str, Interval]:
    return {
        name: interval(metric(ranking.hits, ranking.n_relevant), seed)
        for name, metric in METRICS.items()
    }


def _beyond_accuracy(ranking: Ranking, split: Split, seed: int) -> dict[str, Interval]:
    n_items = split.train.n_items
    events = np.bincount(split.train.histories.items, minlength=n_items)
    covered = coverage(ranking.items, n_items)
    return {
        "coverage": Interval(covered, covered, covered),
        "novelty": interval(novelty(ranking.items, events), seed),
        "popularity_bias": interval(popularity_bias(ranking.items, events), seed),
    }
