"""Training jobs as metrics and log lines."""

import logging
from collections import deque
from datetime import UTC, datetime

from contracts.training import JobStatus, ModelVersion, TrainingJob
from instrumentation.context import RequestContext, bind, reset
from instrumentation.metrics import Metrics
from ml_engine.domain.errors import NotPromoted, TrainingFailed

KEPT_JOBS = 100
"""How many jobs have a series of their own; the series of older ones are removed."""

QUALITY_METRICS = {
    "model_quality_ndcg_at_10": "ndcg_at_10",
    "model_quality_map_at_10": "map_at_10",
    "model_quality_precision_at_10": "precision_at_10",
    "model_quality_recall_at_10": "recall_at_10",
}
"""The metrics that show a model's report, and what of it each shows."""

_STATES = {
    JobStatus.QUEUED: 0,
    JobStatus.RUNNING: 1,
    JobStatus.COMPLETED: 2,
    JobStatus.FAILED: 3,
    JobStatus.CANCELLED: 4,
}
_logger = logging.getLogger(__name__)


class JobTelemetry:
    """Observes the changes of jobs."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._shown: deque[tuple[str, str]] = deque()
        self._shown_models: dict[str, str] = {}
        self._shown_indexes: dict[str, str] = {}

    def __call__(
        self, job: TrainingJob, model: ModelVersion | None, failure: TrainingFailed | None
    ) -> None:
        """Record a job's new status."""
        metrics, tenant = self._metrics, job.tenant_id
        self._show(job)
        if job.status is JobStatus.QUEUED:
            metrics.inc("training_job_total", tenant_id=tenant, model_type=job.model_type)
        if failure is not None:
            error_type = failure.reason_code
            metrics.inc("training_job_failures_total", tenant_id=tenant, error_type=error_type)
        if model is not None:
            metrics.inc("training_job_completed_total", tenant_id=tenant)
        if job.started_at is not None and job.finished_at is not None:
            metrics.observe(
                "training_job_duration_seconds",
                (job.finished_at - job.started_at).total_seconds(),
                tenant_id=tenant,
                model_type=job.model_type,
            )
        if failure is not None:
            _tell(job, logging.WARNING, f"training job failed: {failure}")
        else:
            _tell(job, logging.INFO, f"training job {job.status}")

    def not_promoted(self, job: TrainingJob, refusal: NotPromoted) -> None:
        """Record that the model of a job did not pass the gate."""
        reason = refusal.reason_code
        self._metrics.inc("model_promotions_refused_total", tenant_id=job.tenant_id, reason=reason)
        _tell(job, logging.WARNING, f"the model is kept and does not serve: {refusal}")

    def taken_up(self, job: TrainingJob) -> None:
        """Record that a job is run again, after the replica that ran it stopped or fell silent."""
        self._metrics.inc("training_job_takeovers_total", tenant_id=job.tenant_id)
        _tell(job, logging.WARNING, f"training job taken up, attempt {job.attempts}")

    def lost(self, job: TrainingJob) -> None:
        """Record that this replica was silent for so long that another one took the job up."""
        self._metrics.forget("training_job_status", job_id=job.job_id, tenant_id=job.tenant_id)
        _tell(job, logging.WARNING, "training job given up: another replica has claimed it")

    def show_model(self, model: ModelVersion) -> None:
        """Show the model that begins to serve a tenant, in place of the one before it."""
        self._show_quality(model)
        self._show_index(model)
        self._metrics.set(
            "model_version_deployed",
            model.created_at.timestamp(),
            tenant_id=model.tenant_id,
            model_name=model.model_type,
        )
        fields = {
            "category": "ml",
            "model_version": model.model_version,
            "model_type": model.model_type,
            "snapshot_id": model.snapshot_id,
            "index_type": model.report["index"]["index_type"],
        }
        token = bind(RequestContext(tenant_id=model.tenant_id))
        _logger.info("model %s serves", model.model_version, extra=fields)
        reset(token)

    def _show_quality(self, model: ModelVersion) -> None:
        old = self._shown_models.get(model.tenant_id)
        measured = quality(model)
        for name, measure in QUALITY_METRICS.items():
            if old is not None and old != model.model_version:
                self._metrics.forget(name, tenant_id=model.tenant_id, model_version=old)
            labels = {"tenant_id": model.tenant_id, "model_version": model.model_version}
            self._metrics.set(name, measured[measure], **labels)
        if old is not None and old != model.model_version:
            self._metrics.forget("ml_model_inference_duration_seconds", model_version=old)
        for name, value in measured.items():
            metric = name.removesuffix("_at_10")
            self._metrics.set(
                "ml_recommendation_quality", value, tenant_id=model.tenant_id, metric=metric
            )
        self._shown_models[model.tenant_id] = model.model_version

    def _show_index(self, model: ModelVersion) -> None:
        metrics, tenant = self._metrics, model.tenant_id
        index = model.report["index"]
        if (old := self._shown_indexes.get(tenant)) not in (None, index["index_type"]):
            metrics.forget("ann_recall_when_built", tenant_id=tenant, index_type=old)
        self._shown_indexes[tenant] = index["index_type"]
        labels = {"tenant_id": tenant, "index_type": index["index_type"]}
        metrics.set("ann_recall_when_built", index["recall_at_10"], **labels)

    def _show(self, job: TrainingJob) -> None:
        key = (job.job_id, job.tenant_id)
        if key not in self._shown:
            self._shown.append(key)
        labels = {"job_id": job.job_id, "tenant_id": job.tenant_id}
        self._metrics.set("training_job_status", _STATES[job.status], **labels)
        if len(self._shown) > KEPT_JOBS:
            job_id, tenant_id = self._shown.popleft()
            self._metrics.forget("training_job_status", job_id=job_id, tenant_id=tenant_id)


def quality(model: ModelVersion) -> dict[str, float]:
    """The measures of the model's own report, such as `ndcg_at_10`, by name."""
    entry = next(e for e in model.report["models"] if e["model"] == model.model_type)
    return {name: interval["mean"] for name, interval in entry["metrics"].items()}


def _tell(job: TrainingJob, level: int, message: str) -> None:
    fields = {
        "category": "ml",
        "job_id": job.job_id,
        "model_type": job.model_type,
        "snapshot_id": job.snapshot_id,
        "seconds_since_creation": (datetime.now(UTC) - job.created_at).total_seconds(),
    }
    token = bind(RequestContext(tenant_id=job.tenant_id))
    _logger.log(level, message, extra=fields)
    reset(token)
