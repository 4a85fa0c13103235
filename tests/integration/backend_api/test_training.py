"""Training jobs, schedules and models through the public API."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from tests.integration.backend_api.conftest import Api, StartApi

from backend_api.adapters.schedule_store import SqlScheduleStore
from backend_api.domain.schedules import new_schedule
from backends.database import open_engine
from contracts.training import TrainingParameters

pytestmark = pytest.mark.anyio
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


async def test_a_job_trains_on_a_snapshot_of_now(api: Api) -> None:
    response = await api.send("POST", "/training-jobs", {"seed": 5})
    assert response.status_code == 202
    job = response.json()
    assert (job["snapshot_id"], job["seed"], job["status"]) == ("snap1", 5, "queued")
    assert (await api.send("GET", f"/training-jobs/{job['job_id']}")).json() == job
    assert (await api.send("GET", "/training-jobs")).json()["data"] == [job]
    cancelled = await api.send("POST", f"/training-jobs/{job['job_id']}/cancel")
    assert cancelled.json()["status"] == "cancelled"
    foreign = await api.send("GET", f"/training-jobs/{job['job_id']}", by="globex")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "training_job_not_found")


async def test_without_a_body_the_defaults_are_trained(api: Api) -> None:
    assert (await api.send("POST", "/training-jobs")).json()["model_type"] == "two-tower"


async def test_without_events_there_is_nothing_to_train(api: Api) -> None:
    api.data_pipeline.has_events = False
    response = await api.send("POST", "/training-jobs", {})
    assert (response.status_code, response.json()["code"]) == (409, "empty_snapshot")
    assert not api.ml_engine.jobs


async def test_models_are_listed_shown_compared_and_chosen(api: Api) -> None:
    model = (await api.send("GET", "/models")).json()["data"][0]
    assert (await api.send("GET", "/models/7")).json() == model
    assert (await api.send("GET", "/models/7/report")).json() == model["report"]
    assert (await api.send("POST", "/models/7/activate")).json() == model
    assert (await api.send("POST", "/models/roll-back")).json() == model
    assert (await api.send("PUT", "/models/7/pin")).json() == model
    assert (await api.send("DELETE", "/models/7/pin")).json() == model
    both = (await api.send("GET", "/model-comparison?baseline=6&candidate=7")).json()
    assert (both["baseline"], both["candidate"]) == ("6", "7")
    for method, path in (("GET", "/models/8"), ("POST", "/models/8/activate")):
        response = await api.send(method, path)
        assert (response.status_code, response.json()["code"]) == (404, "model_not_found")


async def test_a_schedule_is_put_shown_and_deleted(start: StartApi) -> None:
    async with start(clock=Clock()) as api:
        missing = await api.send("GET", "/training-schedule")
        assert (missing.status_code, missing.json()["code"]) == (404, "schedule_not_found")
        put = await api.send("PUT", "/training-schedule", {"every_hours": 6, "seed": 3})
        assert put.json() == {
            "model_type": "two-tower",
            "seed": 3,
            "max_seconds": None,
            "every_hours": 6,
            "min_new_events": None,
            "next_run_at": "2026-03-01T18:00:00Z",
            "last_job_id": None,
            "last_error": None,
        }
        assert (await api.send("GET", "/training-schedule")).json() == put.json()
        foreign = await api.send("GET", "/training-schedule", by="globex")
        assert foreign.status_code == 404
        assert (await api.send("DELETE", "/training-schedule")).status_code == 204
        assert (await api.send("DELETE", "/training-schedule")).status_code == 404


async def ran(api: Api, text: str) -> dict[str, str | None]:
    """The schedule once it is about `text`."""
    with anyio.fail_after(30):
        while True:
            shown = (await api.send("GET", "/training-schedule")).json()
            if text in json.dumps(shown):
                return shown
            await anyio.sleep(0.01)


async def test_a_due_schedule_starts_one_job_and_moves_on(start: StartApi) -> None:
    clock = Clock()
    async with start(clock=clock) as api:
        await api.send("PUT", "/training-schedule", {"every_hours": 6, "seed": 3})
        # Another tenant's change makes every replica look at the time again.
        clock.now = START + timedelta(hours=13)
        await api.send("PUT", "/training-schedule", {"every_hours": 24}, by="globex")
        shown = await ran(api, "job1")
        assert shown["next_run_at"] == "2026-03-02T06:00:00Z"
        assert shown["last_error"] is None
        assert [(job.tenant_id, job.seed) for job in api.ml_engine.jobs.values()] == [("acme", 3)]


async def test_a_run_that_fails_says_why_and_comes_again(start: StartApi) -> None:
    clock = Clock()
    async with start(clock=clock) as api:
        api.data_pipeline.has_events = False
        await api.send("PUT", "/training-schedule", {"every_hours": 6})
        clock.now = START + timedelta(hours=6)
        await api.send("PUT", "/training-schedule", {"every_hours": 24}, by="globex")
        shown = await ran(api, "no events")
        assert (shown["last_job_id"], shown["next_run_at"]) == (None, "2026-03-02T00:00:00Z")
        api.data_pipeline.has_events = True
        clock.now = START + timedelta(hours=12)
        await api.send("PUT", "/training-schedule", {"every_hours": 24}, by="globex")
        shown = await ran(api, "job1")
        assert shown["last_error"] is None


async def test_a_due_schedule_is_claimed_once(start: StartApi) -> None:
    # By the service's own clock it is not due yet: only the test claims it.
    async with start(clock=Clock()) as api:
        engine = open_engine(api.settings.database_url, 2)
        store = SqlScheduleStore(engine)
        due = new_schedule("acme", TrainingParameters(), 1, None, START)
        await store.put(due)
        now = START + timedelta(hours=1)
        claims: list[bool] = []

        async def claim() -> None:
            claims.append(await store.claim(due, due.begun(now, "cut off")))

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(claim)
        assert sorted(claims) == [False] * 4 + [True]
        kept = await store.find("acme")
        assert kept is not None
        assert (kept.next_run_at, kept.last_error) == (START + timedelta(hours=2), "cut off")
        await store.close()


async def test_a_suspended_tenant_is_not_trained(start: StartApi) -> None:
    clock = Clock()
    async with start(clock=clock) as api:
        await api.send("PUT", "/training-schedule", {"every_hours": 6})
        suspended = await api.send(
            "PATCH", "/admin/tenants/acme", {"status": "suspended"}, by="the operator"
        )
        assert suspended.status_code == 200
        engine = open_engine(api.settings.database_url, 2)
        assert await SqlScheduleStore(engine).earliest() is None
        await engine.dispose()


def test_runs_that_were_missed_are_left_out() -> None:
    schedule = new_schedule("acme", TrainingParameters(), 6, None, START)
    for late, following in ((6, 12), (17, 18), (18, 24)):
        begun = schedule.begun(START + timedelta(hours=late), "cut off")
        assert begun.next_run_at == begun.due_at == START + timedelta(hours=following)


BY_EVENTS = {"min_new_events": 100}


async def look(api: Api, clock: Clock, later: timedelta) -> None:
    """Let time pass, and the schedules be looked at."""
    clock.now += later
    await api.send("PUT", "/training-schedule", {"every_hours": 2160}, by="globex")


def trained(api: Api) -> list[str]:
    """The snapshots that acme's jobs train on."""
    return [job.snapshot_id for job in api.ml_engine.jobs.values() if job.tenant_id == "acme"]


async def looked(api: Api, before: int) -> None:
    """Wait until acme's data were asked for again."""
    with anyio.fail_after(30):
        while api.data_pipeline.looks <= before:
            await anyio.sleep(0.01)


@pytest.mark.parametrize("body", [{}, {"every_hours": None}, {"min_new_events": 0}])
async def test_a_schedule_says_when_it_trains(api: Api, body: dict[str, int | None]) -> None:
    answer = await api.send("PUT", "/training-schedule", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_enough_new_events_start_one_job(start: StartApi) -> None:
    clock = Clock()
    async with start(clock=clock) as api:
        api.data_pipeline.new_events = 99
        put = await api.send("PUT", "/training-schedule", BY_EVENTS)
        assert (put.json()["min_new_events"], put.json()["next_run_at"]) == (100, None)
        await looked(api, 0)
        assert trained(api) == []
        api.data_pipeline.new_events = 100
        await look(api, clock, timedelta(minutes=1))
        shown = await ran(api, "job1")
        assert (shown["last_job_id"], shown["last_error"]) == ("job1", None)
        looks = api.data_pipeline.looks
        await look(api, clock, timedelta(minutes=10))
        await looked(api, looks)
        assert trained(api) == ["snap1"]
        api.data_pipeline.new_events = 150
        await look(api, clock, timedelta(minutes=1))
        await ran(api, "job2")
        assert trained(api) == ["snap1", "snap2"]


async def test_a_run_by_events_puts_the_next_one_by_time_off(start: StartApi) -> None:
    clock = Clock()
    async with start(clock=clock) as api:
        await api.send("PUT", "/training-schedule", {**BY_EVENTS, "every_hours": 6})
        await looked(api, 0)
        api.data_pipeline.new_events = 100
        await look(api, clock, timedelta(hours=5))
        shown = await ran(api, "job1")
        assert shown["next_run_at"] == "2026-03-01T23:00:00Z"
        await look(api, clock, timedelta(hours=6))
        shown = await ran(api, "job2")
        assert shown["next_run_at"] == "2026-03-02T05:00:00Z"


async def test_a_restart_forgets_no_reason_and_finds_no_second_one(
    start: StartApi, tmp_path: Path
) -> None:
    clock = Clock()
    async with start(clock=clock) as api:
        await api.send("PUT", "/training-schedule", BY_EVENTS)
        await looked(api, 0)
        engine = open_engine(api.settings.database_url, 2)
        store = SqlScheduleStore(engine)
        kept = await store.find("acme")
        assert kept is not None
        # Cut off once the snapshot was made and its job had begun.
        await api.send("POST", "/training-jobs")
        cut_off = kept.begun(clock.now, "the run was cut off")
        assert await store.claim(kept, cut_off)
        await look(api, clock, timedelta(minutes=10))
        shown = await ran(api, "job1")
        assert (shown["last_error"], trained(api)) == (None, ["snap1"])
        # Cut off once the snapshot was made.
        kept = await store.find("acme")
        assert kept is not None
        api.data_pipeline.snapshots.append("snap2")
        assert await store.claim(kept, kept.begun(clock.now, "the run was cut off"))
        await look(api, clock, timedelta(minutes=10))
        shown = await ran(api, "job2")
        assert (shown["last_error"], trained(api)) == (None, ["snap1", "snap3"])
        await engine.dispose()


async def test_a_run_by_events_that_fails_is_tried_again_in_ten_minutes(start: StartApi) -> None:
    clock = Clock()
    async with start(clock=clock) as api:
        api.data_pipeline.has_events = False
        api.data_pipeline.new_events = 100
        await api.send("PUT", "/training-schedule", BY_EVENTS)
        await ran(api, "no events")
        api.data_pipeline.has_events = True
        await look(api, clock, timedelta(minutes=10))
        shown = await ran(api, "job1")
        assert shown["last_error"] is None


def test_nobody_looks_at_a_schedule_while_a_run_begins() -> None:
    schedule = new_schedule("acme", TrainingParameters(), 1, 100, START)
    assert schedule.due_at == START
    looked = schedule.looked_at(START + timedelta(minutes=59, seconds=30))
    assert looked.due_at == START + timedelta(hours=1)
    begun = looked.begun(START + timedelta(hours=1), "cut off")
    assert begun.due_at == START + timedelta(hours=1, minutes=10)
    assert begun.next_run_at == START + timedelta(hours=2)
