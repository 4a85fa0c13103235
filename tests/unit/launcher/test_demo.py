"""The demo's steps against a backend-api that answers from a script."""

import io
from collections import deque
from pathlib import Path

import httpx2
import pytest
from tests.unit.launcher.services_stub import Api, answer, problem

from launcher.demo import model
from launcher.demo.access import create_access, opens, read_key, write_access
from launcher.demo.calls import ServiceSilent
from launcher.demo.data import BATCH, is_loaded, load_sample
from launcher.demo.model import finish_training, has_model, start_training, unfinished_job
from launcher.demo.state import DemoState, read_state, write_state
from launcher.errors import LaunchError
from launcher.reporting import PlainReporter, Reporter
from launcher.sample.simulator import SimulatorSettings, simulate

STATE = DemoState(sample="simulator", items=12, events=30, known_user="u1")
SMALL = SimulatorSettings(users=20, items=12, events=30)


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def reporter(out: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> Reporter:
    monkeypatch.setattr(model, "_INTERVAL_SECONDS", 0.001)
    return PlainReporter(out)


@pytest.mark.anyio
async def test_all_items_go_before_all_events_in_batches(api: Api, reporter: Reporter) -> None:
    sample = simulate(SimulatorSettings(users=600, items=40, events=2 * BATCH + 1))
    state = await load_sample(api.client(), sample, reporter)
    paths = [request.url.path.rpartition("/")[2] for request in api.requests]
    assert paths == ["items", "events", "events"]
    (items,) = api.bodies("items")
    assert [item["item_id"] for item in items["items"]] == [i.item_id for i in sample.items]
    bodies = api.bodies("events")
    sent = [event["event_id"] for body in bodies for event in body["events"]]
    assert sent == [event.event_id for event in sample.events]
    assert max(len(body["events"]) for body in bodies) == BATCH
    assert state.known_user == sample.known_user()
    assert (state.items, state.events) == (len(sample.items), len(sample.events))


@pytest.mark.anyio
async def test_a_rejected_record_ends_the_load_with_its_reason(
    api: Api, reporter: Reporter
) -> None:
    rejected = [{"index": 3, "code": "bad_year", "reason": "too early"}]
    api.faults.append(answer({"accepted": 1, "duplicates": 0, "rejected": rejected}))
    with pytest.raises(LaunchError, match="number 3 of its batch, for bad_year: too early"):
        await load_sample(api.client(), simulate(SMALL), reporter)


@pytest.mark.anyio
async def test_a_refused_batch_is_told_with_what_was_being_done(
    api: Api, reporter: Reporter
) -> None:
    api.faults.append(problem(507, "disk_full"))
    with pytest.raises(LaunchError, match="loading the items of the sample failed: 507 disk_full"):
        await load_sample(api.client(), simulate(SMALL), reporter)


@pytest.mark.anyio
@pytest.mark.parametrize("events", [0, 1])
async def test_data_is_loaded_where_the_known_user_has_a_history(api: Api, events: int) -> None:
    api.history = events
    assert await is_loaded(api.client(), STATE) is bool(events)


@pytest.mark.anyio
@pytest.mark.parametrize("serving", [True, False])
async def test_a_model_counts_where_it_serves(api: Api, serving: bool) -> None:
    api.serving = serving
    assert await has_model(api.client()) is serving


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("statuses", "resumed"),
    [
        (["running"], True),
        (["queued"], True),
        (["failed"], False),
        (["completed"], False),
        (None, False),
    ],
)
async def test_only_a_job_still_under_way_is_taken_up(
    api: Api, statuses: list[str] | None, resumed: bool
) -> None:
    if statuses is not None:
        api.jobs["j1"] = deque(statuses)
    assert (await unfinished_job(api.client(), "j1") is not None) is resumed


@pytest.mark.anyio
async def test_a_training_is_followed_to_its_end(
    api: Api, reporter: Reporter, out: io.StringIO
) -> None:
    api.jobs["new"] = deque(["queued", "running", "completed"])
    started = await start_training(api.client(), reporter)
    await finish_training(api.client(), started, reporter)
    assert not api.jobs["new"]
    written = out.getvalue().splitlines()
    assert written[:-1] == [
        "Training job new works on snapshot s1",
        "Training a two-tower model",
        "Training a two-tower model: 50%, queued now",
        "Training a two-tower model: 50%, running now",
    ]
    assert written[-1].startswith("Training a two-tower model: done in ")


@pytest.mark.anyio
async def test_a_failed_job_is_told_in_one_line_and_not_called_done(
    api: Api, reporter: Reporter, out: io.StringIO
) -> None:
    api.jobs["j1"] = deque(["running", "failed"])
    api.job_error = "out_of_memory: too much data"
    running = await unfinished_job(api.client(), "j1")
    assert running is not None
    with pytest.raises(LaunchError, match=r"^training job j1 failed: out_of_memory: too much data"):
        await finish_training(api.client(), running, reporter)
    assert "done" not in out.getvalue()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "silence", [httpx2.ConnectError("refused"), problem(503, "ml_engine_unavailable")]
)
async def test_a_service_that_does_not_answer_is_told_apart(
    api: Api, silence: httpx2.Response | Exception
) -> None:
    api.faults.append(silence)
    with pytest.raises(ServiceSilent, match="listing the models failed: "):
        await has_model(api.client())


@pytest.mark.anyio
async def test_a_key_opens_or_does_not(api: Api) -> None:
    assert await opens(api.client())
    api.faults.append(problem(401, "invalid_api_key"))
    assert not await opens(api.client())


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
