"""Reports that set models side by side on one split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ml_engine.evaluation.bootstrap import Interval, interval
from ml_engine.evaluation.metrics import METRICS
from ml_engine.evaluation.ranking import rank
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
    """Rank with each model, take each metric at `k` and its interval by `seed`."""
    reports: list[ModelReport] = []
    for model in models:
        ranking = rank(model, split, k)
        metrics = {
            f"{name}_at_{k}": interval(metric(ranking.hits, ranking.n_relevant), seed)
            for name, metric in METRICS.items()
        }
        reports.append(ModelReport(model.name, metrics))
    return EvaluationReport(reports, len(split.users), k, seed, split.protocol)
