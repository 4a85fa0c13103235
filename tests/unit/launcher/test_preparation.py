"""The demo's preparation as a whole: it does what is missing, and only that."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from contracts.transport import Request, Response
from launcher.addresses import Addresses
from launcher.demo import preparation
from launcher.demo.access import read_key, write_access
from launcher.demo.preparation import DemoPreparation, access_file
from launcher.demo.state import DemoState, read_state, write_state
from launcher.reporting import PlainReporter
from launcher.settings import DemoSettings

NOW = "2026-01-01T00:00:00Z"
KEY = "rk_kept"


class Services:
    """All three services as one transport; jobs end as `outcomes` says, one after the other."""

    def __init__(self, jobs: dict[str, list[str]], *, serving: bool = False) -> None:
        self.calls: list[str] = []
        self._jobs = jobs
        self._serving = serving

    async def send(self, request: Request) -> Response:
        route = f"{request.method} {request.path}"
        self.calls.append(route)
        return Response(200, json.dumps(self._answer(route)).encode(), {})

    async def close(self) -> None:
        pass

    def count(self, part: str) -> int:
        return sum(part in call for call in self.calls)

    def _answer(self, route: str) -> Any:
        if route.endswith("/history"):
            event = {"item_id": "i1", "event_type": "rating", "timestamp_ms": 0}
            return {"user_id": "u1", "events": [event]}
        if "/models?" in route:
            return {"data": [model()] if self._serving else []}
        if route.endswith("/snapshots"):
            file = {"key": "k", "rows": 1, "sha256": "0"}
            fields = {"snapshot_id": "s1", "tenant_id": "demo", "format_version": 1, "users": 1}
            rest = {"created_at": NOW, "last_sequence": 1, "event_weights": {}}
            return {**fields, **rest, "events": file, "items": file}
        if route == "POST /v1/tenants/demo/training-jobs":
            return job("new", "queued")
        if "/training-jobs/" in route:
            name = route.rsplit("/", 1)[-1]
            return job(name, self._jobs[name].pop(0))
        return {"accepted": 1, "duplicates": 0, "rejected": []}


def job(name: str, status: str) -> dict[str, Any]:
    fields = {"job_id": name, "tenant_id": "demo", "snapshot_id": "s1", "model_type": "two-tower"}
    error = "interrupted: it stopped twice" if status == "failed" else None
    stage = {"seed": 0, "status": status, "stage": status, "progress": 0.0, "created_at": NOW}
    return {**fields, **stage, "error": error}


def model() -> dict[str, Any]:
    fields = {"model_version": "m1", "tenant_id": "demo", "model_type": "two-tower", "seed": 0}
    lineage = {"snapshot_id": "s1", "data_hash": "0", "code_version": "1", "created_at": NOW}
    return {**fields, **lineage, "parameters": {}, "report": {}, "serving": True}


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def prepared(
    data_dir: Path, services: Services, out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> DemoPreparation:
    """A preparation on a machine whose data is loaded and whose key works."""
    monkeypatch.setattr(preparation, "_transport", lambda _: services)
    state = DemoState(sample="simulator", items=12, events=30, known_user="u1", job_id="old")
    write_state(data_dir, state)
    write_access(access_file(data_dir), "demo", KEY)
    settings = DemoSettings.model_validate({"data_dir": data_dir})
    return DemoPreparation(settings, Addresses("a", "b", "c"), "token", PlainReporter(out))


@pytest.mark.anyio
async def test_where_all_is_there_nothing_is_done_again(
    tmp_path: Path, out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = Services({}, serving=True)
    demo = await prepared(tmp_path, services, out, monkeypatch).prepare(None)
    assert demo.api_key == read_key(access_file(tmp_path)) == KEY
    assert services.count("/events") == services.count("/training-jobs") == 0


@pytest.mark.anyio
async def test_a_job_still_under_way_is_followed_and_no_other_started(
    tmp_path: Path, out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = Services({"old": ["running", "completed"]})
    await prepared(tmp_path, services, out, monkeypatch).prepare(None)
    assert services.count("POST /v1/tenants/demo/training-jobs") == 0


@pytest.mark.anyio
async def test_a_job_taken_up_that_fails_is_followed_by_a_new_one(
    tmp_path: Path, out: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = Services({"old": ["running", "failed"], "new": ["completed"]})
    await prepared(tmp_path, services, out, monkeypatch).prepare(None)
    assert "training job old failed: interrupted: it stopped twice; training anew" in out.getvalue()
    state = read_state(tmp_path)
    assert state is not None
    assert state.job_id == "new"
