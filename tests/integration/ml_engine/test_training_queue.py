"""Training jobs in a queue: cancelled, listed in pages, and in turn."""

import shutil
from pathlib import Path

import anyio
import pytest
from tests.integration.ml_engine.conftest import (
    TENANT,
    TOKEN,
    Place,
    engine,
    fill,
    finished,
    trained,
)
from tests.integration.ml_engine.test_training_jobs import SMALL
from tests.integration.ml_engine.trainings import training_processes

from backends.locations import objects_url
from backends.object_store import UrlObjectStore
from contracts.client import ServiceError
from contracts.recommendations import RecommendationQuery
from contracts.training import JobStatus, TrainingJobRequest
from launcher.sample.simulator import simulate
from ml_engine.settings import Settings

pytestmark = pytest.mark.anyio


def settings(data_dir: Path) -> Settings:
    return Settings(data_dir=data_dir, service_token=TOKEN, log_level="WARNING")


@pytest.fixture
def copy(place: Place, tmp_path: Path) -> Path:
    data_dir = tmp_path / "copy"
    shutil.copytree(place.data_dir, data_dir)
    return data_dir


async def test_a_running_job_can_be_cancelled_and_leaves_no_model(copy: Path, place: Place) -> None:
    request = TrainingJobRequest(snapshot_id=place.snapshot_id, seed=1)
    async with engine(settings(copy)) as client:
        before = await client.models(TENANT, limit=10)
        job = await client.start_training(TENANT, request)
        with anyio.fail_after(30):
            while not training_processes():
                await anyio.sleep(0.01)
        cancelled = await client.cancel_training(TENANT, job.job_id)
        assert cancelled.status is JobStatus.CANCELLED
        assert cancelled.finished_at is not None
        assert not training_processes()
        assert await client.cancel_training(TENANT, job.job_id) == cancelled
        assert await client.models(TENANT, limit=10) == before
        # The queue goes on with the next one.
        after = await trained(client, place.snapshot_id)
    assert after.status is JobStatus.COMPLETED
    objects = await UrlObjectStore(objects_url(copy)).keys(f"models/{TENANT}/")
    assert not [key for key in objects if job.job_id in key]


async def test_a_queued_job_is_cancelled_at_once_and_never_runs(copy: Path, place: Place) -> None:
    request = TrainingJobRequest(snapshot_id=place.snapshot_id)
    async with engine(settings(copy)) as client:
        first = await client.start_training(TENANT, request)
        second = await client.start_training(TENANT, request)
        cancelled = await client.cancel_training(TENANT, second.job_id)
        assert (cancelled.status, cancelled.attempts) == (JobStatus.CANCELLED, 0)
        done = await finished(client, first.job_id)
        assert done.status is JobStatus.COMPLETED
        assert await client.training_job(TENANT, second.job_id) == cancelled
        with pytest.raises(ServiceError) as failure:
            await client.cancel_training(TENANT, first.job_id)
    assert (failure.value.problem.status, failure.value.problem.code) == (
        409,
        "training_job_ended",
    )


async def test_another_tenants_job_is_not_there_to_cancel(copy: Path, place: Place) -> None:
    async with engine(settings(copy)) as client:
        job = (await client.training_jobs(TENANT, limit=1)).data[0]
        with pytest.raises(ServiceError) as failure:
            await client.cancel_training("other", job.job_id)
    assert failure.value.problem.code == "training_job_not_found"


async def test_jobs_are_listed_in_pages(tmp_path: Path) -> None:
    snapshot_id = await fill(tmp_path, simulate(SMALL))
    request = TrainingJobRequest(snapshot_id=snapshot_id)
    async with engine(settings(tmp_path)) as client:
        jobs = [await client.start_training(TENANT, request) for _ in range(3)]
        for job in reversed(jobs):
            await client.cancel_training(TENANT, job.job_id)
        first = await client.training_jobs(TENANT, limit=2)
        rest = await client.training_jobs(TENANT, limit=2, cursor=first.next_cursor)
        for cursor in ("nonsense", "WzEsMl0=", "é"):
            with pytest.raises(ServiceError) as failure:
                await client.training_jobs(TENANT, limit=2, cursor=cursor)
            problem = failure.value.problem
            assert (problem.status, problem.code) == (422, "invalid_cursor")
    found = [job.job_id for job in (*first.data, *rest.data)]
    assert found == [job.job_id for job in reversed(jobs)]
    assert rest.next_cursor is None


async def test_a_damaged_manifest_is_a_problem(tmp_path: Path) -> None:
    snapshot_id = await fill(tmp_path, simulate(SMALL))
    objects = UrlObjectStore(objects_url(tmp_path))
    await objects.put(f"snapshots/{TENANT}/{snapshot_id}/manifest.json", b"{}")
    async with engine(settings(tmp_path)) as client:
        with pytest.raises(ServiceError) as failure:
            await client.start_training(TENANT, TrainingJobRequest(snapshot_id=snapshot_id))
        answer = await client.recommend(TENANT, RecommendationQuery(user_id="nobody"))
    assert (failure.value.problem.status, failure.value.problem.code) == (409, "snapshot_damaged")
    assert answer.items


async def test_a_job_beyond_the_limit_is_refused_until_one_ends(copy: Path, place: Place) -> None:
    request = TrainingJobRequest(snapshot_id=place.snapshot_id)
    limited = settings(copy).model_copy(update={"training_queue_limit": 1})
    async with engine(limited) as client:
        job = await client.start_training(TENANT, request)
        with pytest.raises(ServiceError) as failure:
            await client.start_training(TENANT, request)
        problem = failure.value.problem
        assert (problem.status, problem.code) == (429, "too_many_training_jobs")
        await client.cancel_training(TENANT, job.job_id)
        again = await client.start_training(TENANT, request)
        await client.cancel_training(TENANT, again.job_id)


@pytest.mark.parametrize(
    ("budget", "code"),
    [
        ({"training_max_seconds": 0.05}, "time_budget_exceeded"),
        ({"training_max_memory_mb": 1}, "memory_budget_exceeded"),
    ],
)
async def test_a_training_beyond_its_budget_fails_in_words(
    copy: Path, place: Place, budget: dict[str, float], code: str
) -> None:
    async with engine(settings(copy).model_copy(update=budget)) as client:
        job = await trained(client, place.snapshot_id)
        assert job.status is JobStatus.FAILED
        assert job.error is not None
        assert job.error.startswith(f"{code}: the training took")
        assert not training_processes()
        assert (await client.recommend(TENANT, RecommendationQuery(user_id="x"))).items
