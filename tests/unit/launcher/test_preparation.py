"""The demo's preparation as a whole: it does what is missing, and only that."""

import io
from collections import deque
from pathlib import Path

import pytest
from tests.unit.launcher.services_stub import Api

from launcher.demo import model, preparation
from launcher.demo.access import read_key, write_access
from launcher.demo.preparation import DemoPreparation, access_file
from launcher.demo.state import DemoState, read_state, write_state
from launcher.errors import LaunchError
from launcher.reporting import PlainReporter
from launcher.settings import DemoSettings

KEY = "rk_kept"
NEW_KEY = "rk_made"


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a machine whose data is loaded and whose key is noted."""

    async def made(data_dir: Path, tenant_id: str) -> str:
        return NEW_KEY

    monkeypatch.setattr(preparation, "create_access", made)
    monkeypatch.setattr(model, "_INTERVAL_SECONDS", 0.001)
    state = DemoState(sample="simulator", items=12, events=30, known_user="u1", job_id="old")
    write_state(tmp_path, state)
    write_access(access_file(tmp_path), "demo", KEY)
    return tmp_path


def prepared(data_dir: Path, api: Api, out: io.StringIO) -> DemoPreparation:
    sizes = {"simulator_users": 20, "simulator_items": 12, "simulator_events": 30}
    settings = DemoSettings.model_validate({"data_dir": data_dir, "sample": "simulator", **sizes})
    return DemoPreparation(settings, "http://recs.test", PlainReporter(out), api)


@pytest.mark.anyio
async def test_where_all_is_there_nothing_is_done_again(data_dir: Path, out: io.StringIO) -> None:
    api = Api(serving=True)
    demo = await prepared(data_dir, api, out).prepare(None)
    assert demo.api_key == read_key(access_file(data_dir)) == KEY
    assert {request.method for request in api.requests[:-1]} == {"GET"}
    assert api.bodies("recommendations") == [{"user_id": "u1"}]
    assert out.getvalue() == ""


@pytest.mark.anyio
async def test_what_is_gone_is_loaded_again(data_dir: Path, out: io.StringIO) -> None:
    api = Api(serving=True)
    api.history = 0
    demo = await prepared(data_dir, api, out).prepare(None)
    assert demo.state == read_state(data_dir)
    assert len(api.bodies("items")) == len(api.bodies("events")) == 1


@pytest.mark.anyio
async def test_a_job_still_under_way_is_followed_and_no_other_started(
    data_dir: Path, out: io.StringIO
) -> None:
    api = Api()
    api.jobs["old"] = deque(["running", "running", "completed"])
    await prepared(data_dir, api, out).prepare(None)
    assert api.bodies("training-jobs") == []
    assert not api.jobs["old"]


@pytest.mark.anyio
async def test_a_job_taken_up_that_fails_is_followed_by_a_new_one(
    data_dir: Path, out: io.StringIO
) -> None:
    api = Api()
    api.job_error = "interrupted: it stopped twice"
    api.jobs = {"old": deque(["running", "failed"]), "new": deque(["completed"])}
    await prepared(data_dir, api, out).prepare(None)
    assert "training job old failed: interrupted: it stopped twice; training anew" in out.getvalue()
    state = read_state(data_dir)
    assert state is not None
    assert state.job_id == "new"


@pytest.mark.anyio
async def test_a_key_that_opens_no_more_gives_way_to_a_new_one(
    data_dir: Path, out: io.StringIO
) -> None:
    demo = await prepared(data_dir, Api(serving=True, key=NEW_KEY), out).prepare(None)
    assert demo.api_key == read_key(access_file(data_dir)) == NEW_KEY


@pytest.mark.anyio
async def test_a_new_key_that_is_refused_tells_of_another_database(
    data_dir: Path, out: io.StringIO
) -> None:
    with pytest.raises(LaunchError, match="it works on another database; see DATA_DIR"):
        await prepared(data_dir, Api(key="rk_of_elsewhere"), out).prepare(None)
