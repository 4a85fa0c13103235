"""Sees to it that the demo tenant has a model in service."""

import math
from typing import Final

from launcher.demo.calls import doing
from launcher.errors import LaunchError
from launcher.reporting import Reporter
from recommender_client import AsyncRecommender, JobFailed, NotFound
from recommender_client.models import JobStatus, TrainingJob

_INTERVAL_SECONDS: Final = 0.5
_UNDER_WAY: Final = (JobStatus.QUEUED, JobStatus.RUNNING)


class TrainingFailed(LaunchError):
    """The training job ended without a model."""


async def has_model(client: AsyncRecommender) -> bool:
    """Whether a model serves the tenant."""
    with doing("listing the models"):
        async for model in client.models.list():
            if model.serving:
                return True
    return False


async def unfinished_job(client: AsyncRecommender, job_id: str | None) -> TrainingJob | None:
    """The job of an earlier start, where it is still under way."""
    if job_id is None:
        return None
    with doing("looking for the last training job"):
        try:
            job = await client.training.get(job_id)
        except NotFound:
            return None
    return job if job.status in _UNDER_WAY else None


async def start_training(client: AsyncRecommender, reporter: Reporter) -> TrainingJob:
    """Queue a training job on what the tenant has now."""
    with doing("starting the training"):
        job = await client.training.start()
    reporter.line(f"Training job {job.job_id} works on snapshot {job.snapshot_id}")
    return job


async def finish_training(client: AsyncRecommender, job: TrainingJob, reporter: Reporter) -> None:
    """Show the job's stage and progress until it is completed.

    Raises:
        TrainingFailed: the job failed or was cancelled.
    """
    with reporter.step(f"Training a {job.model_type} model", 1.0) as tracker:

        def show(job: TrainingJob) -> None:
            tracker.update(job.progress, job.stage.replace("_", " "))

        with doing("watching the training"):
            try:
                await client.training.wait(
                    job.job_id,
                    timeout_seconds=math.inf,
                    poll_seconds=_INTERVAL_SECONDS,
                    on_progress=show,
                )
            except JobFailed as error:
                ended = error.job
                reason = ended.error or "no reason was given"
                raise TrainingFailed(
                    f"training job {job.job_id} {ended.status}: {reason}"
                ) from None
