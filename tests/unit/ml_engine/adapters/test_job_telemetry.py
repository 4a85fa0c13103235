"""What happens to training jobs, as metrics and log lines."""

import logging
from datetime import UTC, datetime

import pytest

from contracts.training import JobStatus, ModelType, TrainingJob
from instrumentation.metrics import Metrics
from ml_engine.adapters.job_telemetry import JobTelemetry
from ml_engine.domain.errors import NotPromoted


def test_a_model_that_does_not_serve_is_counted_and_told(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics("ml-engine")
    job = TrainingJob(
        job_id="j",
        tenant_id="acme",
        snapshot_id="0",
        model_type=ModelType.TWO_TOWER,
        seed=0,
        status=JobStatus.COMPLETED,
        stage="completed",
        progress=1,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    with caplog.at_level(logging.WARNING):
        JobTelemetry(metrics).not_promoted(job, NotPromoted("worse_than_serving", "it is worse"))
    labels = {"tenant_id": "acme", "reason": "worse_than_serving"}
    assert metrics.registry.get_sample_value("model_promotions_refused_total", labels) == 1
    assert "does not serve: it is worse" in caplog.text
