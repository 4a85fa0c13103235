"""Two replicas on one jobs database: each job is run by one of them, and to its end."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from backends import leases
from backends.database import open_engine
from backends.migrations import migrate
from backends.ports import PortUnavailable
from contracts.training import JobStatus, ModelType, ModelVersion, TrainingJob, TrainingJobRequest
from ml_engine.adapters.job_checkpoints import SqlJobCheckpoints
from ml_engine.adapters.job_store import SqlJobStore
from ml_engine.domain.errors import JobEnded, NotPromoted, TooManyJobs, TrainingFailed
from ml_engine.migrate import MIGRATIONS
from ml_engine.training import job_work
from ml_engine.training.job_queue import TrainingQueue
from ml_engine.training.job_work import JobWork
from ml_engine.training.messages import Checkpoint, Progress
from ml_engine.training.ports import OnNews

pytestmark = pytest.mark.anyio

TENANT = "acme"
PATIENCE_SECONDS = 30
QUEUE_LIMIT = 20


class Execution:
    """Stands for the training: a job trains until it is let go on."""

    def __init__(self) -> None:
        self.trained: list[str] = []
        self.checkpoints: list[Mapping[str, dict[str, Any]]] = []
        self.deployed: list[str] = []
        self.discarded: list[str] = []
        self.forgotten: list[str] = []
        self.refusal: NotPromoted | None = None
        self.progress = 0.0
        self.may_end = asyncio.Event()

    async def train(
        self,
        job: TrainingJob,
        trace_headers: dict[str, str],
        checkpoints: Mapping[str, dict[str, Any]],
        on_news: OnNews,
    ) -> ModelVersion:
        self.trained.append(job.job_id)
        self.checkpoints.append(checkpoints)
        await on_news(Progress(stage="model_training", progress=self.progress))
        await on_news(Checkpoint(name=f"of attempt {job.attempts}", found={"figure": 0.1}))
        await self.may_end.wait()
        return ModelVersion(
            model_version=f"{job.job_id}-{job.attempts}",
            tenant_id=job.tenant_id,
            model_type=job.model_type,
            snapshot_id=job.snapshot_id,
            data_hash="",
            seed=0,
            code_version="1",
            parameters={},
            created_at=datetime.now(UTC),
            report={},
        )

    async def forget(self, job: TrainingJob, attempts: int) -> None:
        self.forgotten += [job.job_id] * attempts

    async def deploy(self, model: ModelVersion) -> ModelVersion:
        if self.refusal is not None:
            raise self.refusal
        self.deployed.append(model.model_version)
        return model

    async def discard(self, model: ModelVersion) -> None:
        self.discarded.append(model.model_version)


class Observer:
    """Remembers what a replica tells."""

    def __init__(self) -> None:
        self.statuses: list[JobStatus] = []
        self.taken_up_jobs: list[str] = []
        self.lost_jobs: list[str] = []
        self.refusals: list[str] = []

    def __call__(
        self, job: TrainingJob, model: ModelVersion | None, failure: TrainingFailed | None
    ) -> None:
        self.statuses.append(job.status)

    def taken_up(self, job: TrainingJob) -> None:
        self.taken_up_jobs.append(job.job_id)

    def not_promoted(self, job: TrainingJob, refusal: NotPromoted) -> None:
        self.refusals.append(str(refusal))

    def lost(self, job: TrainingJob) -> None:
        self.lost_jobs.append(job.job_id)


class Snapshots:
    """Has every snapshot."""

    async def read_manifest(self, tenant_id: str, snapshot_id: str) -> None:
        """It is whole."""


class Store(SqlJobStore):
    """The jobs of one replica, which may be cut off from them."""

    cut_off = False

    async def renew(self, holder: str, job: TrainingJob) -> bool:
        if self.cut_off:
            raise PortUnavailable("the network is gone")
        return await super().renew(holder, job)


async def until_any(jobs: list[str]) -> None:
    """Wait until there is one."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not jobs:
            await asyncio.sleep(0.01)


class Replica:
    """One ml-engine, as far as jobs go."""

    def __init__(self, path: Path, name: str) -> None:
        self.store = Store(open_engine(f"sqlite+aiosqlite:///{path}", pool_size=3))
        self.checkpoints = SqlJobCheckpoints(self.store._engine)
        self.execution, self.observer = Execution(), Observer()
        self.work = JobWork(self.store, self.checkpoints, self.execution, self.observer, name)
        self.queue = TrainingQueue(self.store, Snapshots(), self.work, QUEUE_LIMIT)
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self.work.work())

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            with suppress(asyncio.CancelledError):
                await self.task

    async def submit(self) -> TrainingJob:
        request = TrainingJobRequest(snapshot_id="0" * 16, model_type=ModelType.TWO_TOWER)
        return await self.queue.submit(TENANT, request, {})

    async def until(self, job_id: str, *statuses: JobStatus) -> TrainingJob:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (job := await self.queue.job(TENANT, job_id)).status not in statuses:
                await asyncio.sleep(0.01)
        return job


@asynccontextmanager
async def two(path: Path) -> AsyncGenerator[tuple[Replica, Replica]]:
    one, other = Replica(path, "one"), Replica(path, "other")
    await migrate(one.store._engine, MIGRATIONS)
    try:
        yield one, other
    finally:
        for replica in (one, other):
            await replica.stop()
            await replica.store.close()


@pytest.fixture(autouse=True)
def _short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_work, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(job_work, "RENEW_SECONDS", 0.02)
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.5)


@pytest.fixture
async def replicas(tmp_path: Path) -> AsyncGenerator[tuple[Replica, Replica]]:
    async with two(tmp_path / "jobs.db") as both:
        yield both


async def test_each_job_is_run_once(replicas: tuple[Replica, Replica]) -> None:
    one, other = replicas
    for replica in replicas:
        replica.execution.may_end.set()
        replica.start()
    jobs = [await replica.submit() for _ in range(10) for replica in replicas]
    for job in jobs:
        done = await one.until(job.job_id, JobStatus.COMPLETED)
        assert done.attempts == 1
    trained = one.execution.trained + other.execution.trained
    assert sorted(trained) == sorted(job.job_id for job in jobs)
    assert not one.observer.lost_jobs + other.observer.lost_jobs


async def test_a_job_that_came_in_elsewhere_is_found(replicas: tuple[Replica, Replica]) -> None:
    one, other = replicas
    other.execution.may_end.set()
    other.start()
    job = await one.submit()
    assert (await one.until(job.job_id, JobStatus.COMPLETED)).model_version == f"{job.job_id}-1"
    assert other.execution.deployed == [f"{job.job_id}-1"]


async def test_what_a_stop_interrupts_another_takes_up_at_once(
    replicas: tuple[Replica, Replica],
) -> None:
    one, other = replicas
    one.start()
    job = await one.submit()
    await one.until(job.job_id, JobStatus.RUNNING)
    await one.stop()
    (left,) = await other.store.open_jobs()
    assert left.holder is None
    other.execution.may_end.set()
    other.start()
    done = await other.until(job.job_id, JobStatus.COMPLETED)
    assert (done.attempts, done.model_version) == (2, f"{job.job_id}-2")
    assert other.observer.taken_up_jobs == [job.job_id]


async def test_another_attempt_gets_what_the_one_before_has_found(
    replicas: tuple[Replica, Replica],
) -> None:
    one, other = replicas
    one.start()
    job = await one.submit()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await other.checkpoints.of_job(job.job_id):
            await asyncio.sleep(0.01)
    await one.stop()
    other.execution.may_end.set()
    other.start()
    await other.until(job.job_id, JobStatus.COMPLETED)
    assert one.execution.checkpoints == [{}]
    assert other.execution.checkpoints == [{"of attempt 1": {"figure": 0.1}}]
    assert await other.checkpoints.of_job(job.job_id) == {}


async def test_what_a_silent_replica_held_another_takes_up_and_the_first_gives_way(
    replicas: tuple[Replica, Replica],
) -> None:
    one, other = replicas
    one.start()
    job = await one.submit()
    await one.until(job.job_id, JobStatus.RUNNING)
    other.start()
    one.store.cut_off = True
    await until_any(other.execution.trained)
    one.store.cut_off = False
    await until_any(one.observer.lost_jobs)
    other.execution.may_end.set()
    done = await other.until(job.job_id, JobStatus.COMPLETED)
    assert (done.attempts, done.model_version) == (2, f"{job.job_id}-2")
    assert one.execution.deployed == []
    assert one.observer.statuses[-1] is JobStatus.RUNNING


async def test_a_model_of_who_lost_the_job_does_not_serve(
    replicas: tuple[Replica, Replica],
) -> None:
    one, other = replicas
    one.start()
    job = await one.submit()
    running = await one.until(job.job_id, JobStatus.RUNNING)
    (look,) = await other.store.open_jobs()
    while not await other.store.claim(look, "other", running):
        (look,) = await other.store.open_jobs()
    one.execution.may_end.set()
    await until_any(one.observer.lost_jobs)
    assert one.execution.deployed == []


async def test_an_outage_of_the_database_costs_nobody_a_job(
    replicas: tuple[Replica, Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LONGEST_GAP_SECONDS", 0.05)
    monkeypatch.setattr(job_work, "RETRY_SECONDS", 0.02)
    one, other = replicas
    one.start()
    job = await one.submit()
    await one.until(job.job_id, JobStatus.RUNNING)
    open_jobs = other.store.open_jobs
    other.start()
    one.store.cut_off = True

    async def away() -> list[object]:
        raise PortUnavailable("the database is away")

    monkeypatch.setattr(other.store, "open_jobs", away)
    await asyncio.sleep(2 * leases.LEASE_SECONDS)
    one.store.cut_off = False
    monkeypatch.setattr(other.store, "open_jobs", open_jobs)
    one.execution.may_end.set()
    assert (await other.until(job.job_id, JobStatus.COMPLETED)).attempts == 1


async def test_a_cancel_reaches_the_replica_that_runs_the_job(
    replicas: tuple[Replica, Replica],
) -> None:
    one, other = replicas
    one.start()
    other.start()
    job = await one.submit()
    await one.until(job.job_id, JobStatus.RUNNING)
    elsewhere = other if one.execution.trained else one
    async with asyncio.timeout(PATIENCE_SECONDS):
        cancelled = await elsewhere.queue.cancel(TENANT, job.job_id)
    assert cancelled.status is JobStatus.CANCELLED
    assert await elsewhere.queue.cancel(TENANT, job.job_id) == cancelled
    assert one.execution.deployed + other.execution.deployed == []


async def test_a_job_whose_replica_is_gone_can_be_cancelled(
    replicas: tuple[Replica, Replica],
) -> None:
    one, other = replicas
    job = await one.submit()
    (look,) = await one.store.open_jobs()
    running = job.model_copy(update={"status": JobStatus.RUNNING, "attempts": 1})
    assert await one.store.claim(look, "one that is gone", running)
    async with asyncio.timeout(PATIENCE_SECONDS):
        cancelled = await other.queue.cancel(TENANT, job.job_id)
    assert (cancelled.status, cancelled.attempts) == (JobStatus.CANCELLED, 1)


async def test_a_job_that_has_ended_elsewhere_cannot_be_cancelled(
    replicas: tuple[Replica, Replica],
) -> None:
    one, other = replicas
    one.execution.may_end.set()
    one.start()
    job = await one.submit()
    await other.until(job.job_id, JobStatus.COMPLETED)
    with pytest.raises(JobEnded):
        await other.queue.cancel(TENANT, job.job_id)


async def test_a_job_whose_replicas_stop_again_and_again_fails(
    replicas: tuple[Replica, Replica],
) -> None:
    one, other = replicas
    job = await one.submit()
    for replica in (one, other):
        replica.start()
        await replica.until(job.job_id, JobStatus.RUNNING)
        await until_any(replica.execution.trained)
        await replica.stop()
    one.start()
    failed = await one.until(job.job_id, JobStatus.FAILED)
    assert failed.error == "interrupted: the engine stopped 2 times while it trained"
    assert one.execution.forgotten == [job.job_id] * 2


async def test_no_more_jobs_of_a_tenant_wait_than_may(replicas: tuple[Replica, Replica]) -> None:
    one, other = replicas
    jobs = [await replica.submit() for _ in range(QUEUE_LIMIT // 2) for replica in replicas]
    with pytest.raises(TooManyJobs, match="20 training jobs wait or run"):
        await one.submit()
    one.start()
    await other.queue.cancel(TENANT, jobs[0].job_id)
    await other.submit()


async def test_a_running_job_tells_how_long_it_takes_yet(replicas: tuple[Replica, Replica]) -> None:
    one, _ = replicas
    one.execution.progress = 0.5
    one.start()
    job = await one.submit()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (running := await one.queue.job(TENANT, job.job_id)).seconds_left is None:
            await asyncio.sleep(0.01)
    assert running.progress == 0.5
    assert 0 <= running.seconds_left <= PATIENCE_SECONDS
    one.execution.may_end.set()
    assert (await one.until(job.job_id, JobStatus.COMPLETED)).seconds_left is None


async def test_a_model_that_does_not_pass_the_gate_is_kept_and_the_job_says_why(
    replicas: tuple[Replica, Replica],
) -> None:
    one, _ = replicas
    one.execution.refusal = NotPromoted("worse_than_serving", "it is worse")
    one.execution.may_end.set()
    one.start()
    job = await one.submit()
    done = await one.until(job.job_id, JobStatus.COMPLETED)
    assert (done.not_promoted, done.error) == ("worse_than_serving: it is worse", None)
    assert done.model_version == f"{job.job_id}-1"
    assert one.execution.deployed == one.execution.discarded == []
    await until_any(one.observer.refusals)
    assert one.observer.refusals == ["it is worse"]
