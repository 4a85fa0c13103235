"""Sees to it that the demo tenant has a model in service."""

import asyncio
from typing import Final

from contracts.client import ServiceError
from contracts.data_pipeline import DataPipelineClient
from contracts.ml_engine import MlEngineClient
from contracts.pages import MAX_PAGE
from contracts.training import JobStatus, TrainingJob, TrainingJobRequest
from launcher.demo.calls import doing
from launcher.errors import LaunchError
from launcher.reporting import Reporter

_INTERVAL_SECONDS: Final = 0.5
_NOT_FOUND: Final = 404
_UNDER_WAY: Final = (JobStatus.QUEUED, JobStatus.RUNNING)


class TrainingFailed(LaunchError):
    """The training job ended without a model."""


async def has_model(engine: MlEngineClient, tenant_id: str) -> bool:
    """Whether a model serves the tenant."""
    with doing("listing the models"):
        models = await engine.models(tenant_id, limit=MAX_PAGE)
    return any(model.serving for model in models.data)


async def unfinished_job(
    engine: MlEngineClient, tenant_id: str, job_id: str | None
) -> TrainingJob | None:
    """The job of an earlier start, where it is still under way."""
    if job_id is None:
        return None
    try:
        with doing("looking for the last training job"):
            job = await engine.training_job(tenant_id, job_id)
    except LaunchError as error:
        cause = error.__cause__
        if isinstance(cause, ServiceError) and cause.problem.status == _NOT_FOUND:
            return None
        raise
    return job if job.status in _UNDER_WAY else None


async def start_training(
    pipeline: DataPipelineClient, engine: MlEngineClient, tenant_id: str, reporter: Reporter
) -> TrainingJob:
    """Freeze what the tenant has into a snapshot, and queue a training job on it."""
    with doing("making a training snapshot"):
        snapshot = await pipeline.create_snapshot(tenant_id)
    reporter.line(
        f"Training snapshot {snapshot.snapshot_id}: {snapshot.events.rows:,} events of "
        f"{snapshot.users:,} users, {snapshot.items.rows:,} items"
    )
    with doing("starting the training"):
        return await engine.start_training(
            tenant_id, TrainingJobRequest(snapshot_id=snapshot.snapshot_id)
        )


async def finish_training(engine: MlEngineClient, job: TrainingJob, reporter: Reporter) -> None:
    """Show the job's stage and progress until it is completed.

    Raises:
        TrainingFailed: the job failed or was cancelled.
    """
    with reporter.step(f"Training a {job.model_type} model", 1.0) as tracker:
        while job.status in _UNDER_WAY:
            tracker.update(job.progress, job.stage.replace("_", " "))
            await asyncio.sleep(_INTERVAL_SECONDS)
            with doing("watching the training"):
                job = await engine.training_job(job.tenant_id, job.job_id)
        if job.status is not JobStatus.COMPLETED:
            reason = job.error or "no reason was given"
            raise TrainingFailed(f"training job {job.job_id} {job.status}: {reason}")
