"""The demo's preparation against services that answer from a script."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.data_pipeline import DataPipelineClient
from contracts.ml_engine import MlEngineClient
from contracts.transport import Request, Response, ServiceUnavailable
from launcher.demo.access import create_access, opens, read_key, write_access
from launcher.demo.calls import ServiceSilent
from launcher.demo.data import BATCH, is_loaded, load_sample
from launcher.demo.model import finish_training, has_model, start_training, unfinished_job
from launcher.demo.state import DemoState, read_state, write_state
from launcher.errors import LaunchError
from launcher.reporting import PlainReporter, Reporter
from launcher.sample.simulator import SimulatorSettings, simulate

STATE = DemoState(sample="simulator", items=12, events=30, known_user="u1")
NOW = "2026-01-01T00:00:00Z"


class Scripted:
    """A transport that answers by a function and keeps what it was asked."""

    def __init__(self, answer: Callable[[Request], tuple[int, Any]]) -> None:
        self.requests: list[Request] = []
        self._answer = answer

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        status, body = self._answer(request)
        return Response(status, json.dumps(body).encode(), {})

    async def close(self) -> None:
        pass


class Silent(Scripted):
    def __init__(self) -> None:
        super().__init__(lambda _: (500, None))

    async def send(self, request: Request) -> Response:
        raise ServiceUnavailable("no answer from http://ml-engine")


def problem(status: int, code: str) -> tuple[int, dict[str, Any]]:
    return status, {"title": code, "status": status, "code": code, "detail": f"{code} it is"}


def job(status: str, **more: Any) -> dict[str, Any]:
    fields = {"job_id": "j1", "tenant_id": "demo", "snapshot_id": "s1", "model_type": "two-tower"}
    stage = {"seed": 0, "status": status, "stage": status, "progress": 0.5, "created_at": NOW}
    return {**fields, **stage, **more}


def snapshot() -> dict[str, Any]:
    file = {"key": "k", "rows": 1, "sha256": "0"}
    fields = {"snapshot_id": "s1", "tenant_id": "demo", "format_version": 1, "created_at": NOW}
    rest = {"last_sequence": 1, "users": 1, "event_weights": {}}
    return {**fields, **rest, "events": file, "items": file}


@pytest.fixture
def reporter() -> Reporter:
    return PlainReporter(io.StringIO())


@pytest.mark.anyio
async def test_all_items_go_before_all_events_in_batches(reporter: Reporter) -> None:
    sample = simulate(SimulatorSettings(users=600, items=40, events=2 * BATCH + 1))
    transport = Scripted(lambda _: (200, {"accepted": 1, "duplicates": 0, "rejected": []}))
    state = await load_sample(DataPipelineClient(transport, "t"), "demo", sample, reporter)
    bodies = [json.loads(request.content) for request in transport.requests]
    assert [item["item_id"] for item in bodies[0]["items"]] == [i.item_id for i in sample.items]
    sent = [event["event_id"] for body in bodies[1:] for event in body["events"]]
    assert sent == [event.event_id for event in sample.events]
    assert max(len(body["events"]) for body in bodies[1:]) == BATCH
    assert state.known_user == sample.known_user()
    assert (state.items, state.events) == (len(sample.items), len(sample.events))


@pytest.mark.anyio
async def test_a_rejected_record_ends_the_load_with_its_reason(reporter: Reporter) -> None:
    rejected = [{"index": 3, "code": "bad_year", "reason": "too early"}]
    transport = Scripted(lambda _: (200, {"accepted": 0, "duplicates": 0, "rejected": rejected}))
    sample = simulate(SimulatorSettings(users=20, items=12, events=30))
    with pytest.raises(LaunchError, match="number 3 of its batch, for bad_year: too early"):
        await load_sample(DataPipelineClient(transport, "t"), "demo", sample, reporter)


@pytest.mark.anyio
async def test_a_refused_batch_is_told_with_what_was_being_done(reporter: Reporter) -> None:
    client = DataPipelineClient(Scripted(lambda _: problem(507, "disk_full")), "t")
    sample = simulate(SimulatorSettings(users=20, items=12, events=30))
    with pytest.raises(LaunchError, match="loading the items of the sample failed: 507 disk_full"):
        await load_sample(client, "demo", sample, reporter)


@pytest.mark.anyio
@pytest.mark.parametrize("events", [0, 1])
async def test_data_is_loaded_where_the_known_user_has_a_history(events: int) -> None:
    event = {"item_id": "i1", "event_type": "rating", "timestamp_ms": 0}
    transport = Scripted(lambda _: (200, {"user_id": "u1", "events": [event] * events}))
    assert await is_loaded(DataPipelineClient(transport, "t"), "demo", STATE) is bool(events)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "resumed"),
    [
        ((200, job("running")), True),
        ((200, job("queued")), True),
        ((200, job("failed", error="killed")), False),
        ((200, job("completed")), False),
        (problem(404, "job_not_found"), False),
    ],
)
async def test_only_a_job_still_under_way_is_taken_up(
    answer: tuple[int, Any], resumed: bool
) -> None:
    engine = MlEngineClient(Scripted(lambda _: answer), "t")
    assert (await unfinished_job(engine, "demo", "j1") is not None) is resumed


@pytest.mark.anyio
async def test_training_starts_from_a_new_snapshot_and_is_followed_to_its_end(
    reporter: Reporter,
) -> None:
    pipeline = DataPipelineClient(Scripted(lambda _: (201, snapshot())), "t")
    stages = iter([job("queued"), job("running"), job("completed", model_version="m1")])
    transport = Scripted(lambda _: (200, next(stages)))
    engine = MlEngineClient(transport, "t")
    started = await start_training(pipeline, engine, "demo", reporter)
    await finish_training(engine, started, reporter)
    assert json.loads(transport.requests[0].content)["snapshot_id"] == "s1"
    assert next(stages, None) is None


@pytest.mark.anyio
async def test_a_failed_job_is_told_in_one_line_and_not_called_done() -> None:
    out = io.StringIO()
    transport = Scripted(lambda _: (200, job("failed", error="out_of_memory: too much data")))
    engine = MlEngineClient(transport, "t")
    running = await unfinished_job(
        MlEngineClient(Scripted(lambda _: (200, job("running"))), "t"), "demo", "j1"
    )
    assert running is not None
    with pytest.raises(LaunchError, match=r"^training job j1 failed: out_of_memory: too much data"):
        await finish_training(engine, running, PlainReporter(out))
    assert "done" not in out.getvalue()


@pytest.mark.anyio
async def test_a_service_that_does_not_answer_is_told_apart() -> None:
    with pytest.raises(ServiceSilent, match="listing the models failed: no answer"):
        await has_model(MlEngineClient(Silent(), "t"), "demo")


@pytest.mark.anyio
@pytest.mark.parametrize(("status", "expected"), [(200, True), (401, False)])
async def test_a_key_is_tried_with_a_first_recommendation(status: int, *, expected: bool) -> None:
    transport = Scripted(lambda _: (200, {}) if status == 200 else problem(401, "invalid_api_key"))
    assert await opens(transport, "rk_1", "u1") is expected
    assert transport.requests[0].headers["authorization"] == "Bearer rk_1"


@pytest.mark.anyio
async def test_a_key_is_made_for_a_tenant_new_or_old(tmp_path: Path) -> None:
    keys = [await create_access(tmp_path, "demo") for _ in range(2)]
    assert keys[0] != keys[1]


def test_the_key_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "demo.env"
    assert read_key(path) is None
    write_access(path, "demo", "rk_1_2")
    assert path.read_text() == "DEMO_TENANT=demo\nDEMO_API_KEY=rk_1_2\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_key(path) == "rk_1_2"


def test_the_state_is_read_back_and_a_broken_one_counts_as_none(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    write_state(tmp_path, STATE)
    assert read_state(tmp_path) == STATE
    (tmp_path / "demo.json").write_text("{")
    assert read_state(tmp_path) is None
