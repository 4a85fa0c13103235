"""Two models' reports side by side."""

from typing import Any

from contracts.training import MetricComparison, ModelComparison, ModelVersion


def compare(baseline: ModelVersion, candidate: ModelVersion) -> ModelComparison:
    """What both reports measure of their own model; only of the same data is it comparable."""
    before, after = own_metrics(baseline), own_metrics(candidate)
    return ModelComparison(
        baseline=baseline.model_version,
        candidate=candidate.model_version,
        same_data=baseline.data_hash == candidate.data_hash,
        metrics=[_compared(name, before[name], after[name]) for name in before if name in after],
    )


def own_metrics(model: ModelVersion) -> dict[str, dict[str, float]]:
    """Mean, low and high of each measure of the model itself in its report, by name."""
    return metrics_of(model, model.model_type)


def metrics_of(model: ModelVersion, reported: str) -> dict[str, dict[str, float]]:
    """The same of one of the models that its report sets beside it."""
    return next(e["metrics"] for e in model.report["models"] if e["model"] == reported)


def _compared(name: str, before: dict[str, Any], after: dict[str, Any]) -> MetricComparison:
    return MetricComparison(
        metric=name,
        baseline=before["mean"],
        baseline_low=before["low"],
        baseline_high=before["high"],
        candidate=after["mean"],
        candidate_low=after["low"],
        candidate_high=after["high"],
        difference=after["mean"] - before["mean"],
    )
