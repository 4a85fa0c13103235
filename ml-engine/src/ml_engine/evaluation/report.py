"""Reports that set models side by side on one split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ml_engine.evaluation.beyond_accuracy import coverage, diversity, novelty, popularity_bias
from ml_engine.evaluation.bootstrap import Interval, intervals
from ml_engine.evaluation.calibration import categories_of, miscalibration
from ml_engine.evaluation.metrics import METRICS
from ml_engine.evaluation.ranking import Ranking, rank
from ml_engine.evaluation.segments import SEGMENTS
from ml_engine.evaluation.splits import Split
from ml_engine.models.model import Model


@dataclass(frozen=True, slots=True)
class SegmentReport:
    """Metrics of a segment; none where no user is in it."""

    n_users: int
    metrics: dict[str, Interval]


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One model's metrics, e.g. `metrics["ndcg_at_10"]`, of all users and by segment."""

    model: str
    metrics: dict[str, Interval]
    segments: dict[str, SegmentReport]


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

    Coverage is of all rankings together: its interval is the value alone. Segments have the metrics
    of accuracy, and miscalibration is there where items have categories.
    """
    reports = [_model_report(model, split, k, seed) for model in models]
    return EvaluationReport(reports, len(split.users), k, seed, split.protocol)


def _model_report(model: Model, split: Split, k: int, seed: int) -> ModelReport:
    ranking = rank(model, split, k)
    measures = {**_accuracy(ranking, k), **_beyond_accuracy(ranking, split, k)}
    covered = coverage(ranking.items, split.train.n_items)
    metrics = {
        **intervals(measures, seed),
        f"coverage_at_{k}": Interval(covered, covered, covered),
    }
    segments = {name: _segment(of(ranking, split), k, seed) for name, of in SEGMENTS.items()}
    return ModelReport(model.name, metrics, segments)


def _segment(ranking: Ranking, k: int, seed: int) -> SegmentReport:
    n_users = len(ranking.hits)
    return SegmentReport(n_users, intervals(_accuracy(ranking, k), seed) if n_users else {})


def _accuracy(ranking: Ranking, k: int) -> dict[str, np.ndarray]:
    return {
        f"{name}_at_{k}": metric(ranking.hits, ranking.n_relevant)
        for name, metric in METRICS.items()
    }


def _beyond_accuracy(ranking: Ranking, split: Split, k: int) -> dict[str, np.ndarray]:
    train, n_items = split.train.histories, split.train.n_items
    events = np.bincount(train.items, minlength=n_items)
    measures = {
        f"novelty_at_{k}": novelty(ranking.items, events),
        f"popularity_bias_at_{k}": popularity_bias(ranking.items, events),
        f"diversity_at_{k}": diversity(ranking.items, train, n_items),
    }
    categories = categories_of(split.train.contents)
    if categories is not None:
        met = train.select(split.users)
        measures[f"miscalibration_at_{k}"] = miscalibration(ranking.items, met, categories)
    return measures
