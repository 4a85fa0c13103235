"""The gate that a new model passes before it serves by itself."""

from contracts.training import ModelVersion
from ml_engine.domain.errors import NotPromoted
from ml_engine.evaluation.comparison import metrics_of, own_metrics

MEASURE = "ndcg_at_10"
"""What the gate goes by."""

POPULARITY = "popularity"


def check_promotion(candidate: ModelVersion, serving: ModelVersion | None) -> None:
    """Raise `NotPromoted` where the candidate is no better than popularity or worse than `serving`.

    It is worse where its whole interval lies below that of the model that serves. Reports are often
    of other events: so both are taken as multiples of what popularity reached on the same events.
    """
    own = own_metrics(candidate)[MEASURE]
    popular = metrics_of(candidate, POPULARITY)[MEASURE]["mean"]
    if str(candidate.model_type) != POPULARITY and own["mean"] <= popular:
        raise NotPromoted(
            "no_better_than_popularity",
            f"its {MEASURE} is {own['mean']:.4f}, and that of popularity {popular:.4f}",
        )
    if serving is None:
        return
    before = own_metrics(serving)[MEASURE]
    popular_before = metrics_of(serving, POPULARITY)[MEASURE]["mean"]
    # What is 0 for popularity is no measure of how hard the events are.
    hardness = popular / popular_before if popular and popular_before else 1.0
    if own["high"] < before["low"] * hardness:
        raise NotPromoted(
            "worse_than_serving",
            f"its {MEASURE} is {own['low']:.4f} to {own['high']:.4f}, and that of "
            f"{serving.model_version}, which serves, at least {before['low'] * hardness:.4f}",
        )
