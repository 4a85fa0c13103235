"""Two reports side by side."""

from datetime import UTC, datetime

import pytest

from contracts.training import ModelType, ModelVersion
from ml_engine.evaluation.comparison import compare


def model(version: str, data_hash: str, **means: float) -> ModelVersion:
    metrics = {name: {"mean": m, "low": m - 0.1, "high": m + 0.1} for name, m in means.items()}
    popular = {"model": "popularity", "metrics": {"ndcg_at_10": {"mean": 9, "low": 9, "high": 9}}}
    return ModelVersion(
        model_version=version,
        tenant_id="acme",
        model_type=ModelType.TWO_TOWER,
        snapshot_id="0",
        data_hash=data_hash,
        seed=0,
        code_version="1",
        parameters={},
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        report={"models": [popular, {"model": "two-tower", "metrics": metrics}]},
    )


def test_each_measure_of_both_models_is_compared() -> None:
    comparison = compare(model("a", "1", ndcg_at_10=0.2, old=1), model("b", "1", ndcg_at_10=0.3))
    assert (comparison.baseline, comparison.candidate) == ("a", "b")
    (measure,) = comparison.metrics
    assert measure.metric == "ndcg_at_10"
    assert measure.difference == pytest.approx(0.1)
    assert (measure.baseline_low, measure.candidate_high) == pytest.approx((0.1, 0.4))


def test_models_of_other_data_say_so() -> None:
    assert compare(model("a", "1"), model("b", "1")).same_data
    assert not compare(model("a", "1"), model("b", "2")).same_data
