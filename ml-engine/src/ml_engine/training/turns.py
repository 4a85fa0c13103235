"""Whose job is next: tenants take turns, so that nobody's many jobs hold up the others'."""

from collections.abc import Sequence

from contracts.training import JobStatus, TrainingJob


class Turns:
    """Remembers when each tenant had its turn."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._count = 0

    def next(self, jobs: Sequence[TrainingJob]) -> TrainingJob | None:
        """One of the jobs, given oldest first; None where there is none.

        First what an earlier stop interrupted, then the oldest job of the tenant that has waited
        longest for a turn.
        """
        if not jobs:
            return None
        # The smallest of several is the first, which is the oldest.
        return min(jobs, key=lambda job: (job.status is not JobStatus.RUNNING, self._turn_of(job)))

    def taken(self, job: TrainingJob, waiting: Sequence[TrainingJob]) -> None:
        """The job has begun; only the tenants of `waiting` jobs need to be remembered."""
        self._count += 1
        tenants = {one.tenant_id for one in waiting}
        self._last = {tenant: turn for tenant, turn in self._last.items() if tenant in tenants}
        self._last[job.tenant_id] = self._count

    def _turn_of(self, job: TrainingJob) -> int:
        return self._last.get(job.tenant_id, 0)
