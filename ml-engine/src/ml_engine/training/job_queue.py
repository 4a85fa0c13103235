"""The queue of training jobs: one at a time, kept over restarts, none ever lost."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from backends.ports import PortUnavailable
from backends.snapshots import SnapshotStore
from contracts.training import JobStatus, ModelVersion, TrainingJob, TrainingJobRequest
from ml_engine.domain.errors import JobNotFound, SnapshotNotFound, TrainingFailed
from ml_engine.training.job_execution import JobExecution
from ml_engine.training.messages import Progress
from ml_engine.training.ports import JobStore

MAX_ATTEMPTS = 2
"""How often a job is begun before a stop of the engine in its midst counts as its failure."""

RETRY_SECONDS = 1.0

Observer = Callable[[TrainingJob, ModelVersion | None, TrainingFailed | None], None]
"""Told of each change of a job's status, with the model it made or why it made none."""

_logger = logging.getLogger(__name__)


class TrainingQueue:
    """Takes jobs in and runs them in the order in which they came."""

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
        # A trace is worth following while the engine runs; after a restart a job has none.
        self._trace_headers: dict[str, dict[str, str]] = {}

    async def submit(
        self, tenant_id: str, request: TrainingJobRequest, trace_headers: dict[str, str]
    ) -> TrainingJob:
        """Queue a job. Raises `SnapshotNotFound`."""
        try:
            await self._snapshots.read_manifest(tenant_id, request.snapshot_id)
        except KeyError:
            raise SnapshotNotFound(f"there is no snapshot {request.snapshot_id!r}") from None
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
        await self._jobs.save(job)
        self._observer(job, None, None)
        self._arrived.set()
        return job

    async def job(self, tenant_id: str, job_id: str) -> TrainingJob:
        """How a job stands. Raises `JobNotFound`."""
        job = await self._jobs.find(tenant_id, job_id)
        if job is None:
            raise JobNotFound(f"there is no training job {job_id!r}")
        return job

    async def jobs(self, tenant_id: str) -> Sequence[TrainingJob]:
        """The tenant's jobs, newest first."""
        return await self._jobs.of_tenant(tenant_id)

    async def work(self) -> None:
        """Run jobs until cancelled, those first that an earlier stop interrupted."""
        while True:
            self._arrived.clear()
            try:
                for job in await self._jobs.unfinished():
                    await self._run(job)
            except Exception:
                # Whatever it was, the jobs that wait must not wait for ever.
                _logger.exception("the training queue stumbled and goes on")
                await asyncio.sleep(RETRY_SECONDS)
                continue
            await self._arrived.wait()

    async def _run(self, job: TrainingJob) -> None:
        if job.attempts >= MAX_ATTEMPTS:
            reason = f"the engine stopped {job.attempts} times while it trained"
            await self._finish(job, None, TrainingFailed("interrupted", reason))
            return
        job = _changed(
            job,
            status=JobStatus.RUNNING,
            stage="starting",
            progress=0.0,
            attempts=job.attempts + 1,
            started_at=datetime.now(UTC),
        )
        await self._jobs.save(job)
        self._observer(job, None, None)

        async def on_progress(progress: Progress) -> None:
            nonlocal job
            job = _changed(job, stage=progress.stage, progress=progress.progress)
            await self._jobs.save(job)

        headers = self._trace_headers.pop(job.job_id, {})
        try:
            model = await self._execution.run(job, headers, on_progress)
        except TrainingFailed as failure:
            await self._finish(job, None, failure)
        except PortUnavailable as error:
            await self._finish(job, None, TrainingFailed("store_unavailable", str(error)))
        except Exception as error:
            _logger.exception("training job %s ended in an unexpected error", job.job_id)
            await self._finish(job, None, TrainingFailed("internal_error", type(error).__name__))
        else:
            await self._finish(job, model, None)

    async def _finish(
        self, job: TrainingJob, model: ModelVersion | None, failure: TrainingFailed | None
    ) -> None:
        job = _changed(
            job,
            status=JobStatus.FAILED if failure else JobStatus.COMPLETED,
            stage="failed" if failure else "completed",
            progress=job.progress if failure else 1.0,
            finished_at=datetime.now(UTC),
            model_version=model.model_version if model else None,
            error=f"{failure.reason_code}: {failure}" if failure else None,
        )
        await self._jobs.save(job)
        self._observer(job, model, failure)


def _changed(job: TrainingJob, **changes: Any) -> TrainingJob:
    return job.model_copy(update=changes)
