"""Training jobs: their course, their failures, and what a stop in their midst leaves."""

import os
import shutil
import signal
import sys
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
from tests.integration.ml_engine.trainings import training_processes

from backends.locations import objects_url
from backends.object_store import UrlObjectStore
from contracts.client import ServiceError
from contracts.recommendations import RecommendationQuery
from contracts.training import JobStatus, ModelType, TrainingJobRequest
from launcher.sample.model import Sample
from launcher.sample.simulator import SimulatorSettings, simulate
from ml_engine.settings import Settings
from ml_engine.training.model_kinds import KINDS

pytestmark = pytest.mark.anyio

SMALL = SimulatorSettings(users=60, items=30, events=900)


def settings(data_dir: Path) -> Settings:
    return Settings(data_dir=data_dir, service_token=TOKEN, log_level="WARNING")


async def test_the_report_sets_the_model_beside_ease_and_popularity(place: Place) -> None:
    async with engine(place.settings()) as client:
        model = next(m for m in (await client.models(TENANT, limit=10)).data if m.serving)
    by_name = {entry["model"]: entry["metrics"] for entry in model.report["models"]}
    assert set(by_name) == {"two-tower", "ease", "popularity"}
    ndcg = {name: metrics["ndcg_at_10"] for name, metrics in by_name.items()}
    assert ndcg["two-tower"]["mean"] > ndcg["popularity"]["high"]
    for interval in ndcg.values():
        assert interval["low"] <= interval["mean"] <= interval["high"]
    assert model.snapshot_id == place.snapshot_id
    assert len(model.data_hash) == 64


async def test_the_same_snapshot_and_seed_give_the_same_model(tmp_path: Path) -> None:
    snapshot_id = await fill(tmp_path, simulate(SMALL))
    query = RecommendationQuery(history=[simulate(SMALL).items[0].item_id])
    answers = []
    async with engine(settings(tmp_path)) as client:
        for _ in range(2):
            job = await trained(client, snapshot_id)
            answer = await client.recommend(TENANT, query)
            assert answer.model_version == job.model_version
            answers.append(answer.items)
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "model_type",
    [
        ModelType.ALS,
        ModelType.EASE,
        pytest.param(ModelType.ITEM_KNN, marks=pytest.mark.slow),
        pytest.param(ModelType.POPULARITY, marks=pytest.mark.slow),
        ModelType.AUTO,
    ],
)
async def test_another_kind_of_model_is_trained_and_serves(
    tmp_path: Path, model_type: ModelType
) -> None:
    snapshot_id = await fill(tmp_path, simulate(SMALL))
    request = TrainingJobRequest(snapshot_id=snapshot_id, model_type=model_type)
    query = RecommendationQuery(history=[simulate(SMALL).items[0].item_id], explain=True)
    async with engine(settings(tmp_path)) as client:
        job = await finished(client, (await client.start_training(TENANT, request)).job_id)
        assert job.status is JobStatus.COMPLETED, job.error
        model = next(m for m in (await client.models(TENANT, limit=10)).data if m.serving)
        answer = await client.recommend(TENANT, query)
    kinds = model.report["kinds"]
    tried = {each["model"]: each["ndcg_at_10"] for each in kinds["tried"]}
    assert set(tried) == (set(KINDS) if model_type is ModelType.AUTO else {model_type})
    assert kinds["skipped"] == []
    assert model.model_type == answer.algorithm == max(tried, key=lambda name: tried[name])
    reported = [entry["model"] for entry in model.report["models"]]
    assert len(set(reported)) == len(reported)
    assert {*tried, "ease", "popularity"} == set(reported)
    of_vectors = model.model_type in (ModelType.ALS, ModelType.TWO_TOWER)
    assert model.report["index"]["index_type"] == ("flat" if of_vectors else "scan")
    for item in answer.items:
        assert item.explanation is not None
        shares = sum(contribution.share for contribution in item.explanation.contributions)
        assert shares == pytest.approx(item.explanation.model_score, abs=2e-4)


async def test_an_unknown_snapshot_is_a_problem(place: Place) -> None:
    async with engine(place.settings()) as client:
        with pytest.raises(ServiceError) as failure:
            await client.start_training(TENANT, TrainingJobRequest(snapshot_id="0" * 16))
    assert failure.value.problem.code == "snapshot_not_found"


async def test_too_little_data_fails_the_job_in_words(tmp_path: Path) -> None:
    sample = simulate(SMALL)
    first = sample.events[0]
    snapshot_id = await fill(tmp_path, Sample("one event", sample.items, [first]))
    async with engine(settings(tmp_path)) as client:
        job = await trained(client, snapshot_id)
        assert job.status is JobStatus.FAILED
        assert job.error is not None
        assert job.error.startswith("not_enough_data: ")
        answer = await client.recommend(TENANT, RecommendationQuery(user_id="nobody"))
    assert (answer.model_version, answer.algorithm) == ("none", "popularity")
    assert answer.items[0].item_id == first.item_id


async def test_a_damaged_snapshot_fails_the_job(tmp_path: Path) -> None:
    snapshot_id = await fill(tmp_path, simulate(SMALL))
    objects = UrlObjectStore(objects_url(tmp_path))
    await objects.put(f"snapshots/{TENANT}/{snapshot_id}/events.parquet", b"not parquet")
    async with engine(settings(tmp_path)) as client:
        job = await trained(client, snapshot_id)
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert "events.parquet is damaged" in job.error


async def test_a_killed_training_process_fails_the_job_and_the_old_model_serves(
    place: Place, tmp_path: Path
) -> None:
    data_dir = tmp_path / "copy"
    shutil.copytree(place.data_dir, data_dir)
    async with engine(settings(data_dir)) as client:
        before = await client.recommend(TENANT, RecommendationQuery(user_id="nobody"))
        request = TrainingJobRequest(snapshot_id=place.snapshot_id, seed=1)
        job = await client.start_training(TENANT, request)
        with anyio.fail_after(30):
            while not training_processes():
                await anyio.sleep(0.01)
        os.kill(training_processes()[0].pid, signal.SIGKILL)
        job = await finished(client, job.job_id)
        after = await client.recommend(TENANT, RecommendationQuery(user_id="nobody"))
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert "SIGKILL" in job.error
    assert before == after


async def test_a_job_that_a_stop_interrupted_is_run_again(tmp_path: Path) -> None:
    snapshot_id = await fill(tmp_path, simulate(SMALL))
    async with engine(settings(tmp_path)) as client:
        request = TrainingJobRequest(snapshot_id=snapshot_id)
        job = await client.start_training(TENANT, request)
        with anyio.fail_after(30):
            while not training_processes():
                await anyio.sleep(0.01)
    assert not training_processes()
    async with engine(settings(tmp_path)) as client:
        job = await finished(client, job.job_id)
    assert (job.status, job.attempts) == (JobStatus.COMPLETED, 2), job.error


async def test_the_training_process_ends_when_its_parent_is_gone() -> None:
    command = [sys.executable, "-m", "ml_engine.training.worker"]
    async with await anyio.open_process(command) as process:
        assert process.stdin is not None
        await process.stdin.send(b'{"job_id": "j", "tenant_id": "t", "snapshot_id": "s", ')
        await process.stdin.aclose()
        with anyio.fail_after(30):
            assert await process.wait() != 0
