"""Waiting for jobs."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from contracts.imports import ImportJob
from contracts.training import TrainingJob
from recommender_client.calls import Call, Plan, Sleep, ask
from recommender_client.errors import JobFailed, TimedOut

JobT = TypeVar("JobT", ImportJob, TrainingJob)
WAIT_SECONDS: Final = 600.0
POLL_SECONDS: Final = 1.0


def until_completed(
    look: Callable[[], Call[JobT]],
    *,
    timeout_seconds: float,
    poll_seconds: float,
    on_progress: Callable[[JobT], None] | None,
) -> Plan[JobT]:
    """Look at a job until it is completed, and tell `on_progress` what is seen before.

    Raises:
        JobFailed: it failed, or it was cancelled.
        TimedOut: it has not ended in time; it goes on.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        job = yield from ask(look())
        if job.status.value == "completed":
            return job
        if job.status.value in {"failed", "cancelled"}:
            raise JobFailed(job)
        if on_progress is not None:
            on_progress(job)
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            words = f"the job is {job.status.value} after {timeout_seconds:g} s; it goes on"
            raise TimedOut(words)
        yield Sleep(min(poll_seconds, remaining))
