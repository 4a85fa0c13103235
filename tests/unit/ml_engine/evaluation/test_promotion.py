"""The gate: what a new model must be to serve by itself."""

from datetime import UTC, datetime

import pytest

from contracts.training import ModelType, ModelVersion
from ml_engine.domain.errors import NotPromoted
from ml_engine.evaluation.promotion import check_promotion


def model(ndcg: float, popularity: float, width: float = 0.01, name: str = "v1") -> ModelVersion:
    def entry(kind: str, mean: float) -> dict[str, object]:
        interval = {"mean": mean, "low": mean - width, "high": mean + width}
        return {"model": kind, "metrics": {"ndcg_at_10": interval}}

    return ModelVersion(
        model_version=name,
        tenant_id="acme",
        model_type=ModelType.TWO_TOWER,
        snapshot_id="0",
        data_hash="0",
        seed=0,
        code_version="1",
        parameters={},
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        report={"models": [entry("two-tower", ndcg), entry("popularity", popularity)]},
    )


def refusal(candidate: ModelVersion, serving: ModelVersion | None) -> str:
    with pytest.raises(NotPromoted) as refused:
        check_promotion(candidate, serving)
    return f"{refused.value.reason_code}: {refused.value}"


def test_the_first_model_serves_where_it_is_better_than_popularity() -> None:
    check_promotion(model(0.101, 0.1, width=0.05), None)


@pytest.mark.parametrize("ndcg", [0.1, 0.099, 0.0])
def test_what_is_no_better_than_popularity_does_not_serve(ndcg: float) -> None:
    words = f"no_better_than_popularity: its ndcg_at_10 is {ndcg:.4f}, and that of popularity 0.1"
    assert refusal(model(ndcg, 0.1), None).startswith(words)


def test_a_model_within_the_interval_of_the_one_that_serves_serves() -> None:
    serving = model(0.2, 0.1)
    check_promotion(model(0.2, 0.1), serving)
    check_promotion(model(0.185, 0.1), serving)
    check_promotion(model(0.3, 0.1), serving)


def test_a_model_that_is_worse_beyond_the_interval_does_not_serve() -> None:
    words = refusal(model(0.175, 0.1), model(0.2, 0.1, name="v0"))
    assert words == (
        "worse_than_serving: its ndcg_at_10 is 0.1650 to 0.1850, "
        "and that of v0, which serves, at least 0.1900"
    )


def test_on_harder_events_less_is_as_good() -> None:
    # Popularity reaches half of what it reached before, and so does the model.
    check_promotion(model(0.1, 0.05), model(0.2, 0.1))
    assert "worse_than_serving" in refusal(model(0.2, 0.15), model(0.2, 0.1))


def test_where_popularity_finds_nothing_the_figures_themselves_count() -> None:
    check_promotion(model(0.2, 0.0), model(0.2, 0.1))
    check_promotion(model(0.2, 0.1), model(0.2, 0.0))
    assert "worse_than_serving" in refusal(model(0.1, 0.0), model(0.2, 0.1))
