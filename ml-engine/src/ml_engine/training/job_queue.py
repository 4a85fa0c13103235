"""The queue of training jobs as callers see it, on any replica."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from backends.leases import Leases
from backends.snapshot_manifests import SnapshotDamaged, SnapshotManifests
from contracts.training import JobStatus, TrainingJob, TrainingJobRequest
from ml_engine.domain.errors import (
    JobEnded,
    JobNotFound,
    SnapshotNotFound,
    SnapshotUnusable,
    TooManyJobs,
)
from ml_engine.training.job_work import JobWork
from ml_engine.training.ports import JobStore

CANCEL_LOOK_SECONDS: Final = 0.1
"""How often who cancels looks whether the replica that runs the job has ended it."""

_UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING)


class TrainingQueue:
    """Takes jobs in for all replicas, tells how they stand, and cancels them."""

    def __init__(
        self, jobs: JobStore, snapshots: SnapshotManifests, work: JobWork, limit: int
    ) -> None:
        """Let `limit` jobs of a tenant wait and run."""
        self._jobs = jobs
        self._snapshots = snapshots
        self._work = work
        self._limit = limit

    async def submit(
        self, tenant_id: str, request: TrainingJobRequest, trace_headers: Mapping[str, str]
    ) -> TrainingJob:
        """Queue a job. Raises `SnapshotNotFound`, `SnapshotUnusable` and `TooManyJobs`."""
        try:
            await self._snapshots.read_manifest(tenant_id, request.snapshot_id)
        except KeyError:
            raise SnapshotNotFound(f"there is no snapshot {request.snapshot_id!r}") from None
        except SnapshotDamaged as error:
            raise SnapshotUnusable(f"{error}; make the snapshot again") from None
        now = datetime.now(UTC)
        job = TrainingJob(
            job_id=f"{now:%Y%m%dt%H%M%S}-{secrets.token_hex(4)}",
            tenant_id=tenant_id,
            snapshot_id=request.snapshot_id,
            model_type=request.model_type,
            seed=request.seed,
            status=JobStatus.QUEUED,
            stage="queued",
            progress=0.0,
            max_seconds=request.max_seconds,
            created_at=now,
        )
        if not await self._jobs.add(job, trace_headers, self._limit):
            raise TooManyJobs(
                f"{self._limit} training jobs wait or run already: wait for one, or cancel one"
            )
        self._work.added(job)
        return job

    async def job(self, tenant_id: str, job_id: str) -> TrainingJob:
        """How a job stands. Raises `JobNotFound`."""
        job = await self._jobs.find(tenant_id, job_id)
        if job is None:
            raise JobNotFound(f"there is no training job {job_id!r}")
        return job

    async def jobs(
        self, tenant_id: str, limit: int, before: tuple[datetime, str] | None = None
    ) -> Sequence[TrainingJob]:
        """The tenant's jobs, newest first; those older than `before`, a time and an id."""
        return await self._jobs.of_tenant(tenant_id, limit, before)

    async def cancel(self, tenant_id: str, job_id: str) -> TrainingJob:
        """End a job that has not ended: it leaves no model. Cancelling twice changes nothing.

        One that runs is ended by the replica that holds it, one that waits, or whose replica is
        gone, by this one. Raises `JobNotFound` and `JobEnded`.
        """
        job = await self.job(tenant_id, job_id)
        if job.status in _UNFINISHED:
            await self._jobs.want_cancelled(job_id)
            self._work.look()
        leases = Leases()
        while job.status in _UNFINISHED:
            await self._work.cancel_unheld(job_id, leases)
            await asyncio.sleep(CANCEL_LOOK_SECONDS)
            job = await self.job(tenant_id, job_id)
        if job.status is not JobStatus.CANCELLED:
            raise JobEnded(f"training job {job_id!r} is {job.status}: it cannot be cancelled")
        return job
