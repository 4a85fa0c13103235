"""Training as tenants ask for it."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from contracts.training import TrainingParameters


class TrainingRequest(TrainingParameters):
    """Train a model from everything that the tenant has sent so far."""


class TrainingSchedule(TrainingParameters):
    """Train again every so many hours."""

    every_hours: Annotated[int, Field(ge=1, le=24 * 90)]


class ScheduledTraining(TrainingSchedule):
    """A schedule, and what it does next; `last_error` says why the last run made no job."""

    next_run_at: AwareDatetime
    last_job_id: str | None = None
    last_error: str | None = None
