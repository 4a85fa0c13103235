"""Two real ml-engines over one database and one object store."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import httpx2
import pytest
from tests.integration.ml_engine.conftest import TENANT, TOKEN, fill, finished, trained
from tests.integration.ml_engine.trainings import training_processes
from tests.real_processes import free_ports, wait_until_ready

from backends.database import open_engine
from backends.http_transport import HttpTransport
from backends.locations import sqlite_url
from contracts.ml_engine import MlEngineClient
from contracts.recommendations import RecommendationQuery, Recommendations
from contracts.training import JobStatus, TrainingJobRequest
from launcher.sample.model import Sample
from launcher.sample.simulator import SimulatorSettings, simulate
from ml_engine.adapters.job_checkpoints import SqlJobCheckpoints

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SAME_WITHIN_SECONDS = 5.0
CANCELLED_WITHIN_SECONDS = 5.0
QUERY = RecommendationQuery(user_id="nobody", num_items=20)


class Replica:
    """One process of ml-engine."""

    def __init__(self, data_dir: Path, port: int, *, trains: bool = True) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._log = data_dir / f"{port}.log"
        environment = {
            **os.environ,
            "DATA_DIR": str(data_dir),
            "SERVICE_TOKEN": TOKEN,
            "PORT": str(port),
            "LOG_FORMAT": "json",
            # Each model that a test makes is there when it looks.
            "MODELS_KEPT": "1000",
            "RUN_TRAINING_JOBS": str(trains),
        }
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ml_engine.main"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def log(self) -> str:
        return self._log.read_text()

    def wait_until_ready(self) -> None:
        with httpx2.Client(base_url=self.url) as client:
            wait_until_ready(client, lambda: self.process.poll() is None, self.log)

    def is_training(self) -> bool:
        return bool(training_processes(self.process.pid))

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[MlEngineClient]:
        transport = HttpTransport(self.url, timeout_seconds=60)
        yield MlEngineClient(transport, TOKEN)
        await transport.close()


@contextmanager
def two(data_dir: Path, *, other_trains: bool = True) -> Generator[tuple[Replica, Replica]]:
    ports = free_ports(2)
    one, other = Replica(data_dir, ports[0]), Replica(data_dir, ports[1], trains=other_trains)
    try:
        one.wait_until_ready()
        other.wait_until_ready()
        yield one, other
    finally:
        for replica in (one, other):
            replica.process.terminate()
        for replica in (one, other):
            replica.process.wait(timeout=20)


@pytest.fixture(scope="module")
def sample() -> Sample:
    return simulate(SimulatorSettings(users=200, items=60, events=4_000))


async def same_version(clients: list[MlEngineClient], version: str | None) -> float:
    """Wait until all serve the version; the seconds that took."""
    started = time.monotonic()
    with anyio.fail_after(SAME_WITHIN_SECONDS):
        for client in clients:
            while (await client.recommend(TENANT, QUERY)).model_version != version:
                await anyio.sleep(0.02)
    return time.monotonic() - started


@asynccontextmanager
async def asking(
    clients: list[MlEngineClient], check: Callable[[Recommendations], None]
) -> AsyncGenerator[None]:
    """Ask all of them all the time; no request may fail."""
    stop = anyio.Event()

    async def ask(client: MlEngineClient) -> None:
        while not stop.is_set():
            check(await client.recommend(TENANT, QUERY))
            await anyio.sleep(0.005)

    async with anyio.create_task_group() as tasks:
        for client in clients:
            tasks.start_soon(ask, client)
        yield
        stop.set()


async def test_all_replicas_serve_the_same_version_through_swaps_under_requests(
    tmp_path: Path, sample: Sample
) -> None:
    snapshot_id = await fill(tmp_path, sample)
    with two(tmp_path) as (one, other):
        async with one.client() as a, other.client() as b:
            both = [a, b]
            versions: list[str | None] = []
            for _ in range(2):
                job = await trained(a, snapshot_id)
                assert job.status is JobStatus.COMPLETED, job.error
                versions.append(job.model_version)
                await same_version(both, job.model_version)
            first, second = (str(version) for version in versions)
            expected = {second: await a.recommend(TENANT, QUERY)}
            await b.activate(TENANT, first)
            await same_version(both, first)
            expected[first] = await b.recommend(TENANT, QUERY)

            def is_of_one_version(answer: Recommendations) -> None:
                assert answer == expected[answer.model_version]

            async with asking(both, is_of_one_version):
                for client, version in ((a, second), (b, first), (a, second), (b, first)):
                    await client.activate(TENANT, version)
                    await same_version(both, version)
                await a.roll_back(TENANT)
                await same_version(both, second)
                for _ in range(3):
                    await asyncio.gather(a.activate(TENANT, first), b.activate(TENANT, second))
                    named = [m for m in (await a.models(TENANT, limit=5)).data if m.serving]
                    await same_version(both, named[0].model_version)
            deployed = [
                await metric(one, "model_version_deployed"),
                await metric(other, "model_version_deployed"),
            ]
            assert deployed[0] == deployed[1]


async def training_job(
    replicas: tuple[Replica, Replica], snapshot_id: str
) -> tuple[str, Replica, Replica]:
    """Start a job: its id, the replica that trains, once one does, and the other."""
    async with replicas[0].client() as client:
        job = await client.start_training(TENANT, TrainingJobRequest(snapshot_id=snapshot_id))
    with anyio.fail_after(30):
        while True:
            for replica, other in (replicas, replicas[::-1]):
                if replica.is_training():
                    return job.job_id, replica, other
            await anyio.sleep(0.01)


async def test_a_killed_replicas_job_is_finished_by_the_other(
    tmp_path: Path, sample: Sample
) -> None:
    snapshot_id = await fill(tmp_path, sample)
    with two(tmp_path) as replicas:
        job_id, killed, left = await training_job(replicas, snapshot_id)
        killed.process.kill()
        async with left.client() as client:
            done = await finished(client, job_id)
            assert (done.status, done.attempts) == (JobStatus.COMPLETED, 2), done.error
            await same_version([client], done.model_version)
            models = await client.models(TENANT, limit=5)
        assert [model.model_version for model in models.data] == [done.model_version]
        assert await metric(left, "training_job_takeovers_total") == 1
        assert "training job taken up, attempt 2" in left.log()


async def test_a_killed_replicas_job_goes_on_from_what_was_found(
    tmp_path: Path, sample: Sample
) -> None:
    snapshot_id = await fill(tmp_path, sample)
    with two(tmp_path) as replicas:
        job_id, killed, left = await training_job(replicas, snapshot_id)
        checkpoints = SqlJobCheckpoints(open_engine(sqlite_url(tmp_path, "ml-engine"), 1))
        with anyio.fail_after(60):
            while not await checkpoints.of_job(job_id):
                await anyio.sleep(0.01)
        killed.process.kill()
        await checkpoints.close()
        async with left.client() as client:
            done = await finished(client, job_id)
        assert (done.status, done.attempts) == (JobStatus.COMPLETED, 2), done.error
        assert "training goes on from checkpoints" in left.log()
        assert "parameters of two-tower" in left.log()


async def test_a_cancel_on_the_other_replica_ends_the_training(
    tmp_path: Path, sample: Sample
) -> None:
    snapshot_id = await fill(tmp_path, sample)
    with two(tmp_path) as replicas:
        job_id, running, other = await training_job(replicas, snapshot_id)
        async with other.client() as client:
            started = time.monotonic()
            cancelled = await client.cancel_training(TENANT, job_id)
            assert time.monotonic() - started < CANCELLED_WITHIN_SECONDS
            assert cancelled.status is JobStatus.CANCELLED
            assert not running.is_training()
            assert (await client.models(TENANT, limit=5)).data == []


async def test_a_replica_that_only_serves_leaves_training_to_the_others(
    tmp_path: Path, sample: Sample
) -> None:
    snapshot_id = await fill(tmp_path, sample)
    with two(tmp_path, other_trains=False) as (trainer, server):
        async with trainer.client() as a, server.client() as b:
            done = await trained(b, snapshot_id)
            assert done.status is JobStatus.COMPLETED, done.error
            await same_version([a, b], done.model_version)
            assert "training job running" in trainer.log()
            assert "training job running" not in server.log()

            trainer.process.kill()
            waits = await b.start_training(TENANT, TrainingJobRequest(snapshot_id=snapshot_id))
            cancelled = await b.cancel_training(TENANT, waits.job_id)
            assert (cancelled.status, cancelled.attempts) == (JobStatus.CANCELLED, 0)


async def metric(replica: Replica, name: str) -> float:
    async with httpx2.AsyncClient(base_url=replica.url) as client:
        text = (await client.get("/metrics")).text
    (line,) = [one for one in text.splitlines() if one.startswith(f"{name}{{")]
    return float(line.rpartition(" ")[2])
