"""A locked or full database, a feature store that fails: nothing acknowledged is lost."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest
import sqlalchemy as sa
from tests.integration.data_pipeline.stored_events import stored_event_ids

import backends.database
from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.ports import PortUnavailable
from data_pipeline.bootstrap import features

pytestmark = pytest.mark.anyio

EVENTS = "/v1/tenants/acme/events"


@contextmanager
def on_connect(statement: str) -> Generator[None]:
    """Every new connection runs `statement` first."""

    def run(connection: Any, _: Any) -> None:
        connection.execute(statement)

    sa.event.listen(sa.Engine, "connect", run)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "connect", run)


def stored(settings) -> int:
    return len(stored_event_ids(settings.data_dir))


def assert_unavailable(answer) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.json()["code"] == "store_unavailable"
    assert "INSERT" not in answer.json()["detail"]
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_locked_database_is_unavailable_and_stores_nothing(
    monkeypatch, serve, settings, event
) -> None:
    monkeypatch.setattr(backends.database, "BUSY_TIMEOUT_MS", 50)
    async with serve() as client:
        path = settings.data_dir / "data-pipeline" / "data-pipeline.db"
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert_unavailable(await client.post(EVENTS, json={"events": [event()]}))
        item = {"items": [{"item_id": "i1"}]}
        assert_unavailable(await client.post("/v1/tenants/acme/items", json=item))
        other.execute("ROLLBACK")
        other.close()
        assert stored(settings) == 0
        retried = await client.post(EVENTS, json={"events": [event()]})
        assert retried.json()["accepted"] == 1


async def test_a_full_disk_is_unavailable_and_keeps_what_was_acknowledged(
    serve, settings, event
) -> None:
    async with serve() as client:
        await client.post(EVENTS, json={"events": [event("before")]})
    batch = {"events": [event(f"e{n}", item_id="i" * 200) for n in range(2_000)]}
    # Below the present size: SQLite takes the present size as the limit.
    with on_connect("PRAGMA max_page_count=1"):
        async with serve() as client:
            assert_unavailable(await client.post(EVENTS, json=batch))
            assert stored(settings) == 1
            history = await client.get("/v1/tenants/acme/users/u1/history")
            assert len(history.json()["events"]) == 1
    async with serve() as client:
        assert (await client.post(EVENTS, json=batch)).json()["accepted"] == 2_000


class FailingWriter(SqliteFeatureWriter):
    """A feature store whose disk is full while `failing` is set."""

    failing = False

    async def apply(self, update) -> None:
        if type(self).failing:
            raise PortUnavailable("the feature store cannot be written: disk is full")
        await super().apply(update)


async def test_events_are_accepted_while_the_feature_store_fails_and_follow_later(
    monkeypatch, serve, event
) -> None:
    monkeypatch.setattr(features, "SqliteFeatureWriter", FailingWriter)
    monkeypatch.setattr(FailingWriter, "failing", True)
    async with serve() as client:
        answer = await client.post(EVENTS, json={"events": [event("a")]})
        assert (answer.status_code, answer.json()["accepted"]) == (200, 1)
        ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["failing"]) == (503, ["feature_projection"])
        assert "errors_total{error_type=" in (await client.get("/metrics")).text
        monkeypatch.setattr(FailingWriter, "failing", False)
        with anyio.fail_after(30):
            while (await client.get("/health/ready")).status_code != 200:
                await anyio.sleep(0.01)
        history = await client.get("/v1/tenants/acme/users/u1/history")
        assert len(history.json()["events"]) == 1


async def test_a_start_catches_up_with_what_a_crash_left_unprojected(
    monkeypatch, serve, event
) -> None:
    monkeypatch.setattr(features, "SqliteFeatureWriter", FailingWriter)
    monkeypatch.setattr(FailingWriter, "failing", True)
    async with serve() as client:
        await client.post(EVENTS, json={"events": [event("a", item_id="x"), event("b")]})
    monkeypatch.setattr(FailingWriter, "failing", False)
    for _ in range(2):
        async with serve() as client:
            assert (await client.get("/health/ready")).status_code == 200
            history = await client.get("/v1/tenants/acme/users/u1/history")
            assert [one["item_id"] for one in history.json()["events"]] == ["x", "i1"]
