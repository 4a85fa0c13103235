"""Whose job is next: tenants take turns, so that nobody's many jobs hold up the others'."""

from collections.abc import Sequence
from datetime import UTC, datetime

from contracts.training import JobStatus
from ml_engine.training.ports import OpenJob

_NEVER = datetime.min.replace(tzinfo=UTC)


def next_job(jobs: Sequence[OpenJob]) -> OpenJob | None:
    """One of the jobs, given oldest first; None where there is none.

    First what a stop interrupted, then the oldest job of the tenant that has waited longest for a
    turn, on whichever replica it had the last one.
    """
    # The smallest of several is the first, which is the oldest.
    return min(jobs, key=_place, default=None)


def _place(one: OpenJob) -> tuple[bool, datetime]:
    return one.job.status is not JobStatus.RUNNING, one.last_turn or _NEVER
