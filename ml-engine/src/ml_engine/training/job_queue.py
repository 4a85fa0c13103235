"""The queue of training jobs: one at a time, kept over restarts, none ever lost."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from backends.ports import PortUnavailable
from backends.snapshots import SnapshotDamaged, SnapshotStore
from contracts.training import JobStatus, ModelVersion, TrainingJob, TrainingJobRequest
from ml_engine.domain.errors import (
    JobEnded,
    JobNotFound,
    SnapshotNotFound,
    SnapshotUnusable,
    TrainingFailed,
)
from ml_engine.training.job_execution import JobExecution
from ml_engine.training.messages import Progress
from ml_engine.training.ports import JobStore
from ml_engine.training.turns import Turns

MAX_ATTEMPTS = 2
"""How often a job is begun before a stop of the engine in its midst counts as its failure."""

RETRY_SECONDS = 1.0

Observer = Callable[[TrainingJob, ModelVersion | None, TrainingFailed | None], None]
"""Told of each change of a job's status, with the model it made or why it made none."""

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Run:
    """The job that runs now: its training, which may be cancelled, and its end."""

    job_id: str
    training: asyncio.Task[ModelVersion]
    cancelled: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class TrainingQueue:
    """Takes jobs in and runs them, the tenants in turn, each tenant's in the order they came."""

    def __init__(
        self,
        jobs: JobStore,
        execution: JobExecution,
        snapshots: SnapshotStore,
        observer: Observer,
    ) -> None:
        self._jobs = jobs
        self._execution = execution
        self._snapshots = snapshots
        self._observer = observer
        self._arrived = asyncio.Event()
        self._choosing = asyncio.Lock()
        self._turns = Turns()
        self._run: _Run | None = None
        # A trace is worth following while the engine runs; after a restart a job has none.
        self._trace_headers: dict[str, dict[str, str]] = {}

    async def submit(
        self, tenant_id: str, request: TrainingJobRequest, trace_headers: dict[str, str]
    ) -> TrainingJob:
        """Queue a job. Raises `SnapshotNotFound` and `SnapshotUnusable`."""
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
            created_at=now,
        )
        self._trace_headers[job.job_id] = trace_headers
        await self._save(job)
        self._arrived.set()
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

        Raises `JobNotFound` and `JobEnded`.
        """
        # While a job is taken out of the queue it is neither queued nor running.
        async with self._choosing:
            job = await self.job(tenant_id, job_id)
            run = self._run
            if job.status is JobStatus.QUEUED:
                return await self._finish(job, JobStatus.CANCELLED)
        if run is not None and run.job_id == job_id:
            if run.training.cancel():
                run.cancelled = True
            await run.ended.wait()
            job = await self.job(tenant_id, job_id)
        if job.status is not JobStatus.CANCELLED:
            raise JobEnded(f"training job {job_id!r} is {job.status}: it cannot be cancelled")
        return job

    async def work(self) -> None:
        """Run jobs until cancelled, those first that an earlier stop interrupted."""
        while True:
            self._arrived.clear()
            try:
                while await self._run_next():
                    pass
            except Exception:
                # Whatever it was, the jobs that wait must not wait for ever.
                _logger.exception("the training queue stumbled and goes on")
                await asyncio.sleep(RETRY_SECONDS)
                continue
            await self._arrived.wait()

    async def _run_next(self) -> bool:
        async with self._choosing:
            waiting = await self._jobs.unfinished()
            job = self._turns.next(waiting)
            if job is None:
                return False
            self._turns.taken(job, waiting)
            if job.attempts >= MAX_ATTEMPTS:
                reason = f"the engine stopped {job.attempts} times while it trained"
                await self._finish(job, JobStatus.FAILED, TrainingFailed("interrupted", reason))
                return True
            run, begun = await self._begin(job)
        try:
            await self._complete(run, begun)
        finally:
            self._run = None
            run.ended.set()
        return True

    async def _begin(self, job: TrainingJob) -> tuple[_Run, list[TrainingJob]]:
        begun = _changed(
            job,
            status=JobStatus.RUNNING,
            stage="starting",
            progress=0.0,
            attempts=job.attempts + 1,
            started_at=datetime.now(UTC),
        )
        await self._save(begun)
        state = [begun]

        async def on_progress(progress: Progress) -> None:
            state[0] = _changed(state[0], stage=progress.stage, progress=progress.progress)
            await self._jobs.save(state[0])

        headers = self._trace_headers.pop(job.job_id, {})
        training = asyncio.create_task(self._execution.train(begun, headers, on_progress))
        self._run = _Run(job.job_id, training)
        return self._run, state

    async def _complete(self, run: _Run, state: list[TrainingJob]) -> None:
        try:
            model = await self._execution.deploy(await run.training)
        except asyncio.CancelledError:
            if not run.cancelled:
                raise
            await self._finish(state[0], JobStatus.CANCELLED)
        except TrainingFailed as failure:
            await self._finish(state[0], JobStatus.FAILED, failure)
        except PortUnavailable as error:
            failure = TrainingFailed("store_unavailable", str(error))
            await self._finish(state[0], JobStatus.FAILED, failure)
        except Exception as error:
            _logger.exception("training job %s ended in an unexpected error", run.job_id)
            failure = TrainingFailed("internal_error", type(error).__name__)
            await self._finish(state[0], JobStatus.FAILED, failure)
        else:
            await self._finish(state[0], JobStatus.COMPLETED, model=model)

    async def _save(self, job: TrainingJob) -> None:
        await self._jobs.save(job)
        self._observer(job, None, None)

    async def _finish(
        self,
        job: TrainingJob,
        status: JobStatus,
        failure: TrainingFailed | None = None,
        model: ModelVersion | None = None,
    ) -> TrainingJob:
        self._trace_headers.pop(job.job_id, None)
        job = _changed(
            job,
            status=status,
            stage=status.value,
            progress=job.progress if model is None else 1.0,
            finished_at=datetime.now(UTC),
            model_version=model.model_version if model else None,
            error=f"{failure.reason_code}: {failure}" if failure else None,
        )
        await self._jobs.save(job)
        self._observer(job, model, failure)
        return job


def _changed(job: TrainingJob, **changes: Any) -> TrainingJob:
    return job.model_copy(update=changes)
