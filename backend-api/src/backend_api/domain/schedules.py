"""Training schedules: when a tenant's model is trained again."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from contracts.training import TrainingParameters

LOOK_EVERY: Final = timedelta(minutes=1)
"""How often it is looked whether enough new events came."""
REST: Final = timedelta(minutes=10)
"""How long nobody looks after a run began: by then it has made its job, or was cut off."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """One tenant's schedule.

    It trains every so many hours, as soon as so many events came since the last snapshot, or by
    whichever of the two is first. `due_at` is when somebody must look at it next; `last_error`
    says why the last run made no job.
    """

    tenant_id: str
    parameters: TrainingParameters
    every_hours: int | None
    min_new_events: int | None
    next_run_at: datetime | None
    due_at: datetime
    last_job_id: str | None = None
    last_error: str | None = None

    def time_has_come(self, now: datetime) -> bool:
        """Whether a run is due, however many events came."""
        return self.next_run_at is not None and self.next_run_at <= now

    def looked_at(self, now: datetime) -> "Schedule":
        """The schedule after somebody looked whether enough events came."""
        return replace(self, due_at=_first(now + LOOK_EVERY, self.next_run_at))

    def begun(self, now: datetime, reason: str) -> "Schedule":
        """The schedule after a run began; `reason` is its error until the run has ended."""
        next_run_at = self._next_after(now)
        rested = None if self.min_new_events is None else now + REST
        return replace(
            self, next_run_at=next_run_at, due_at=_first(next_run_at, rested), last_error=reason
        )

    def _next_after(self, now: datetime) -> datetime | None:
        """The next time of the schedule; runs missed by now are left out."""
        if self.every_hours is None or self.next_run_at is None:
            return None
        every = timedelta(hours=self.every_hours)
        if self.next_run_at > now:
            return now + every
        missed = (now - self.next_run_at) // every
        return self.next_run_at + (missed + 1) * every


def new_schedule(
    tenant_id: str,
    parameters: TrainingParameters,
    every_hours: int | None,
    min_new_events: int | None,
    now: datetime,
) -> Schedule:
    """A schedule that begins now; one of the two numbers at least is given."""
    next_run_at = None if every_hours is None else now + timedelta(hours=every_hours)
    due_at = _first(next_run_at, None if min_new_events is None else now)
    return Schedule(tenant_id, parameters, every_hours, min_new_events, next_run_at, due_at)


def _first(*times: datetime | None) -> datetime:
    return min(time for time in times if time is not None)
