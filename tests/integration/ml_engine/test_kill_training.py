"""A real ml-engine, killed at random moments of training: no job is lost, no model is half there.

The environment's TRAINING_KILLS says how often, its KILL_SEED from which draw.
"""

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from random import Random, SystemRandom
from typing import Final

import anyio
import psutil
import pytest
from tests.integration.ml_engine.conftest import TENANT, fill, trained
from tests.integration.ml_engine.test_replicas import Replica
from tests.integration.ml_engine.test_training_jobs import SMALL
from tests.integration.ml_engine.trainings import training_processes
from tests.real_processes import free_port

from contracts.ml_engine import MlEngineClient
from contracts.recommendations import RecommendationQuery
from contracts.training import JobStatus, TrainingJob, TrainingJobRequest
from launcher.sample.simulator import simulate
from ml_engine.registry.registry import RECORD
from ml_engine.retrieval.artifact import load_serving_model

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(7200)]

KILLS: Final = int(os.environ.get("TRAINING_KILLS") or 5)
SEED: Final = int(os.environ.get("KILL_SEED") or SystemRandom().randrange(1_000_000))
QUERY = RecommendationQuery(user_id="nobody", num_items=5)


class Engine:
    """An ml-engine that is killed, or its training, and started again."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir, self._port = data_dir, free_port()
        self.replica = self._started()

    def kill(self) -> None:
        self.replica.process.kill()
        self.replica.process.wait()
        self.replica = self._started()

    def kill_training(self) -> None:
        for worker in training_processes(self.replica.process.pid):
            with suppress(psutil.NoSuchProcess):
                worker.send_signal(signal.SIGKILL)

    def stop(self) -> None:
        self.replica.process.terminate()
        self.replica.process.wait(timeout=60)

    def _started(self) -> Replica:
        replica = Replica(self._data_dir, self._port)
        replica.wait_until_ready()
        return replica


async def ended(client: MlEngineClient, job_id: str) -> TrainingJob:
    with anyio.fail_after(600):
        while True:
            job = await client.training_job(TENANT, job_id)
            if job.status not in (JobStatus.QUEUED, JobStatus.RUNNING):
                return job
            await anyio.sleep(0.2)


def check_ending(job: TrainingJob, victim: str) -> None:
    """It was run again to its end, or it says what ended it; the kill may have come too late."""
    if job.status is JobStatus.COMPLETED:
        assert job.model_version is not None
        return
    assert (job.status, victim) == (JobStatus.FAILED, "training"), job
    assert job.error is not None
    assert "SIGKILL" in job.error


async def check_registry(client: MlEngineClient, data_dir: Path, completed: set[str]) -> None:
    """Just the models of completed jobs are there, each of them whole, and one of them serves."""
    models = (await client.models(TENANT, limit=1000)).data
    assert {model.model_version for model in models} == completed
    # A folder without files, or an upload that was cut off, which upkeep removes, is no object.
    objects = (data_dir / "objects" / "models" / TENANT).rglob("*")
    folders = {path.parent for path in objects if path.is_file() and "#" not in path.name}
    assert {folder.name for folder in folders} == completed
    for folder in folders:
        assert (folder / RECORD).exists()
        load_serving_model(folder, folder.name)
    serving = [model.model_version for model in models if model.serving]
    assert len(serving) == 1
    assert (await client.recommend(TENANT, QUERY)).model_version == serving[0]
    assert list((data_dir / "ml-engine" / "training").iterdir()) == []


async def test_a_kill_at_any_moment_of_training_costs_no_job_and_no_model(tmp_path: Path) -> None:
    snapshot_id = await fill(tmp_path, simulate(SMALL))
    random = Random(SEED)
    sys.stdout.write(f"\nTRAINING_KILLS={KILLS} KILL_SEED={SEED}\n")
    engine = Engine(tmp_path)
    completed: set[str] = set()
    try:
        started = time.monotonic()
        async with engine.replica.client() as client:
            first = await trained(client, snapshot_id)
        undisturbed = time.monotonic() - started
        assert first.model_version is not None, first
        completed.add(first.model_version)
        for kill in range(KILLS):
            victim = random.choice(("engine", "training"))
            async with engine.replica.client() as client:
                request = TrainingJobRequest(snapshot_id=snapshot_id, seed=kill)
                job = await client.start_training(TENANT, request)
            await anyio.sleep(random.uniform(0, undisturbed))
            if victim == "engine":
                engine.kill()
            else:
                engine.kill_training()
            async with engine.replica.client() as client:
                job = await ended(client, job.job_id)
                check_ending(job, victim)
                if job.model_version is not None:
                    completed.add(job.model_version)
                await check_registry(client, tmp_path, completed)
            sys.stdout.write(f"{kill}: {victim}: {job.status} in attempt {job.attempts}\n")
    finally:
        engine.stop()
