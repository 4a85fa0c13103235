"""Runs the training jobs that this replica claims: one at a time, none lost, none run by two."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeVar

from backends.leases import RENEW_SECONDS, Leases
from backends.ports import PortUnavailable
from backends.waiting import happened
from contracts.training import JobStatus, ModelVersion, TrainingJob
from ml_engine.domain.errors import NotPromoted, TrainingFailed
from ml_engine.training.job_execution import JobExecution
from ml_engine.training.messages import Checkpoint, News, Progress
from ml_engine.training.ports import ClaimLost, JobCheckpoints, JobClaims, OpenJob
from ml_engine.training.turns import next_job

MAX_ATTEMPTS: Final = 2
"""How often a job is begun before a stop of the engine in its midst counts as its failure."""

LOOK_SECONDS: Final = 1.0
"""How often a replica without work looks for jobs that came in elsewhere: one indexed query."""

RETRY_SECONDS: Final = 1.0

FoundT = TypeVar("FoundT")

_logger = logging.getLogger(__name__)


class JobObserver(Protocol):
    """Told of what happens to jobs, by the replica that did it."""

    def __call__(
        self, job: TrainingJob, model: ModelVersion | None, failure: TrainingFailed | None
    ) -> None:
        """A job's status changed; with the model it made or why it made none."""
        ...

    def not_promoted(self, job: TrainingJob, refusal: NotPromoted) -> None:
        """The model that a job made did not pass the gate, and another one serves on."""
        ...

    def taken_up(self, job: TrainingJob) -> None:
        """A job is run again here that another replica has begun and does not hold any more."""
        ...

    def lost(self, job: TrainingJob) -> None:
        """Another replica holds the job that this one ran."""
        ...


class _Run:
    """The job that runs here now: how far it is, and whether it goes on."""

    def __init__(self, job: TrainingJob) -> None:
        self.job = job
        self.cancelled = False
        self.lost = False
        self._begun = time.monotonic()
        self._expected_seconds: float | None = None

    def on_progress(self, progress: Progress) -> None:
        """Remember how far it is; the next renewal tells it."""
        self.job = _changed(self.job, stage=progress.stage, progress=progress.progress)
        if progress.progress > 0:
            self._expected_seconds = (time.monotonic() - self._begun) / progress.progress

    def now(self) -> TrainingJob:
        """The job with the time that is left, if it goes on as it went until its last progress."""
        if self._expected_seconds is None:
            return self.job
        left = self._begun + self._expected_seconds - time.monotonic()
        return _changed(self.job, seconds_left=round(max(left, 0.0), 1))


class JobWork:
    """Claims and runs jobs, the tenants in turn, each tenant's in the order they came.

    `replica` is this replica's name, which no other has and none had before.
    """

    def __init__(
        self,
        claims: JobClaims,
        checkpoints: JobCheckpoints,
        execution: JobExecution,
        observer: JobObserver,
        replica: str,
    ) -> None:
        self._claims = claims
        self._checkpoints = checkpoints
        self._execution = execution
        self._observer = observer
        self._replica = replica
        self._leases = Leases()
        self._news = asyncio.Event()

    def added(self, job: TrainingJob) -> None:
        """A job came in by this replica."""
        self._observer(job, None, None)
        self.look()

    def look(self) -> None:
        """Look at the jobs now rather than at the next time."""
        self._news.set()

    async def work(self) -> None:
        """Run jobs until cancelled."""
        away = False
        while True:
            try:
                while await self._run_next():
                    pass
                away = False
                await self._wait(LOOK_SECONDS)
            except PortUnavailable as error:
                if not away:
                    _logger.warning("the training queue waits: %s", error, extra={"category": "ml"})
                away = True
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                # Whatever it was, the jobs that wait must not wait for ever.
                _logger.exception("the training queue stumbled and goes on")
                await asyncio.sleep(RETRY_SECONDS)

    async def cancel_unheld(self, job_id: str, leases: Leases) -> None:
        """End a job as cancelled where no replica holds it any more, as `leases` have watched."""
        for one in leases.free(await self._claims.open_jobs()):
            if one.job.job_id == job_id:
                await self._end_unrun(one, JobStatus.CANCELLED)

    async def _run_next(self) -> bool:
        """False where there is nothing to do."""
        chosen = next_job(self._leases.free(await self._claims.open_jobs()))
        if chosen is None:
            return False
        job = chosen.job
        if chosen.cancel_wanted:
            await self._end_unrun(chosen, JobStatus.CANCELLED)
        elif job.attempts >= MAX_ATTEMPTS:
            reason = f"the engine stopped {job.attempts} times while it trained"
            failure = TrainingFailed("interrupted", reason)
            await self._end_unrun(chosen, JobStatus.FAILED, failure)
        else:
            await self._begin(chosen)
        return True

    async def _end_unrun(
        self, chosen: OpenJob, status: JobStatus, failure: TrainingFailed | None = None
    ) -> None:
        # Another replica may have been quicker.
        if await self._claims.claim(chosen, self._replica, chosen.job):
            await self._execution.forget(chosen.job, chosen.job.attempts)
            with suppress(ClaimLost):
                await self._end(chosen.job, status, failure)

    async def _begin(self, chosen: OpenJob) -> None:
        begun = _changed(
            chosen.job,
            status=JobStatus.RUNNING,
            stage="starting",
            progress=0.0,
            seconds_left=None,
            attempts=chosen.job.attempts + 1,
            started_at=datetime.now(UTC),
        )
        if not await self._claims.claim(chosen, self._replica, begun):
            return
        if chosen.job.attempts:
            self._observer.taken_up(begun)
        self._observer(begun, None, None)
        run = _Run(begun)
        training = asyncio.create_task(self._train(run, dict(chosen.trace_headers)))
        renewing = asyncio.create_task(self._keep_renewing(run, training))
        try:
            await self._complete(run, training)
        except ClaimLost:
            self._observer.lost(run.job)
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])

    async def _train(self, run: _Run, trace_headers: dict[str, str]) -> ModelVersion:
        job_id = run.job.job_id

        async def on_news(news: News) -> None:
            if isinstance(news, Checkpoint):
                # Without it another attempt would only take longer.
                with suppress(PortUnavailable, ClaimLost):
                    await self._checkpoints.keep(self._replica, job_id, news.name, news.found)
            else:
                run.on_progress(news)

        checkpoints = await _in_time(lambda: self._checkpoints.of_job(job_id))
        return await self._execution.train(run.job, trace_headers, checkpoints, on_news)

    async def _complete(self, run: _Run, training: asyncio.Task[ModelVersion]) -> None:
        try:
            model = await training
            refusal = await self._deploy(run, model)
        except asyncio.CancelledError:
            await self._stopped(run)
        except TrainingFailed as failure:
            await self._end(run.job, JobStatus.FAILED, failure)
        except PortUnavailable as error:
            failure = TrainingFailed("store_unavailable", str(error))
            await self._end(run.job, JobStatus.FAILED, failure)
        except ClaimLost:
            raise
        except Exception as error:
            _logger.exception("training job %s ended in an unexpected error", run.job.job_id)
            failure = TrainingFailed("internal_error", type(error).__name__)
            await self._end(run.job, JobStatus.FAILED, failure)
        else:
            await self._end(run.job, JobStatus.COMPLETED, model=model, refusal=refusal)

    async def _deploy(self, run: _Run, model: ModelVersion) -> NotPromoted | None:
        """Let the model serve; where it does not pass the gate, why."""
        try:
            # Only who still holds the job may let its model serve.
            await _in_time(lambda: self._claims.renew(self._replica, run.job))
        except ClaimLost:
            await self._execution.discard(model)
            raise
        try:
            await self._execution.deploy(model)
        except NotPromoted as refusal:
            return refusal
        return None

    async def _stopped(self, run: _Run) -> None:
        """The training was cut off: by a caller's wish, by another replica, or by a stop."""
        if run.lost:
            raise ClaimLost(run.job.job_id)
        if run.cancelled:
            await self._end(run.job, JobStatus.CANCELLED)
            if not _is_stopping():
                return
        with suppress(PortUnavailable, ClaimLost):
            await self._claims.release(self._replica, run.job)
        raise asyncio.CancelledError

    async def _keep_renewing(self, run: _Run, training: asyncio.Task[ModelVersion]) -> None:
        while True:
            await self._wait(RENEW_SECONDS)
            try:
                cancel_wanted = await self._claims.renew(self._replica, run.now())
            except PortUnavailable:
                # Nobody else can claim the job meanwhile, as long as nobody can reach the jobs.
                continue
            except ClaimLost:
                run.lost = True
                training.cancel()
                return
            # A training that has ended is just about to serve.
            if cancel_wanted and not run.cancelled and training.cancel():
                run.cancelled = True

    async def _end(
        self,
        job: TrainingJob,
        status: JobStatus,
        failure: TrainingFailed | None = None,
        model: ModelVersion | None = None,
        refusal: NotPromoted | None = None,
    ) -> None:
        ended = _changed(
            job,
            status=status,
            stage=status.value,
            progress=job.progress if model is None else 1.0,
            finished_at=datetime.now(UTC),
            model_version=model.model_version if model else None,
            seconds_left=None,
            error=f"{failure.reason_code}: {failure}" if failure else None,
            not_promoted=f"{refusal.reason_code}: {refusal}" if refusal else None,
        )
        await _in_time(lambda: self._claims.release(self._replica, ended))
        self._observer(ended, model, failure)
        if refusal is not None:
            self._observer.not_promoted(ended, refusal)

    async def _wait(self, seconds: float) -> None:
        await happened(self._news, within=seconds)
        self._news.clear()


def _is_stopping() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _in_time(call: Callable[[], Awaitable[FoundT]]) -> FoundT:
    """Call, however long the jobs database is away."""
    while True:
        try:
            return await call()
        except PortUnavailable:
            await asyncio.sleep(RETRY_SECONDS)


def _changed(job: TrainingJob, **changes: Any) -> TrainingJob:
    return job.model_copy(update=changes)
