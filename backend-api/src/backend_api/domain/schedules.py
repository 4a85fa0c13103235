"""Training schedules: when a tenant's model is trained again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.training import TrainingParameters


@dataclass(frozen=True, slots=True)
class Schedule:
    """One tenant's schedule; `last_error` says why the last run made no job."""

    tenant_id: str
    parameters: TrainingParameters
    every_hours: int
    next_run_at: datetime
    last_job_id: str | None = None
    last_error: str | None = None

    def next_after(self, now: datetime) -> datetime:
        """The first time of the schedule after `now`; runs missed by then are left out."""
        every = timedelta(hours=self.every_hours)
        missed = max(0, (now - self.next_run_at) // every)
        return self.next_run_at + (missed + 1) * every
