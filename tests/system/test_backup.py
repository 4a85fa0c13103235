"""Everything is backed up under traffic, destroyed and restored: the same answers and counts."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.databases import new_database
from tests.e2e.launched import ROOT
from tests.postgres_server import PostgresServer
from tests.real_processes import wait_for
from tests.system.processes import System, running_system, trained

from launcher.sample.simulator import SimulatorSettings, simulate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

USERS = [f"u{number}" for number in range(1, 12)]
BATCH = 20


@dataclass
class Place:
    """Where the services keep things, and how all of it is lost."""

    folder: Path
    database_url: str
    postgres: PostgresServer | None

    def backup(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """What the command answered."""
        environment = {
            **os.environ,
            "DATA_DIR": str(self.folder / "data"),
            "DATABASE_URL": self.database_url,
        }
        command = [sys.executable, "-m", "launcher.backup", *map(str, arguments)]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )

    def destroy(self) -> None:
        """Lose everything."""
        shutil.rmtree(self.folder / "data")
        if self.postgres is not None:
            name = self.database_url.rpartition("/")[2]
            self.postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")
            self.postgres.execute(f"CREATE DATABASE {name}")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Place]:
    if request.param == "sqlite":
        yield Place(tmp_path, "", None)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with new_database(server) as url:
        yield Place(tmp_path, url, server)


class Writer:
    """Sends events of users of its own all the time, and keeps those that were acknowledged."""

    def __init__(self, system: System, key: str) -> None:
        self._client = system.client(key)
        self._going = True
        self.acknowledged: list[dict[str, str]] = []

    def run(self) -> None:
        for number in count():
            if not self._going:
                return
            events = [_event(f"w{number}-{place}") for place in range(BATCH)]
            answer = self._client.post("/api/v1/events", json={"events": events})
            assert answer.status_code == 202, answer.text
            self.acknowledged += events

    def stop(self) -> None:
        self._going = False

    def close(self) -> None:
        self._client.close()


def _event(event_id: str) -> dict[str, str]:
    moment = "2026-11-22T12:00:00Z"
    return {
        "event_id": event_id,
        "user_id": f"writer-{event_id[-1]}",
        "item_id": "i1",
        "event_type": "view",
        "timestamp": moment,
    }


@contextmanager
def writing(system: System, key: str) -> Generator[Writer]:
    writer = Writer(system, key)
    thread = threading.Thread(target=writer.run)
    thread.start()
    try:
        yield writer
    finally:
        writer.stop()
        thread.join()
        writer.close()


def answers(system: System, key: str) -> list[Any]:
    """What callers see that the writer does not change."""
    with system.client(key) as client:
        asked = [
            client.get(f"/api/v1/users/{user}/recommendations", params={"num_items": 5})
            for user in USERS
        ]
        told = [{**one.json(), "recommendation_id": None} for one in asked]
        for path in ("items/i7", "scenarios/home", "quarantine", "models", "keys", "users/u3"):
            answer = client.get(f"/api/v1/{path}")
            assert answer.status_code == 200, answer.text
            told.append(answer.json())
    for one in told[-2]["data"]:
        del one["last_used_at"]
    return told


def totals(system: System, key: str) -> dict[str, int]:
    with system.client(key) as client:
        return client.get("/api/v1/accounting").json()["totals"]


def test_what_was_destroyed_is_back(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    with running_system(tmp_path, DATABASE_URL=place.database_url) as system:
        key = _filled(system)
        before = answers(system, key)
        with writing(system, key) as writer:
            wait_for(lambda: len(writer.acknowledged), until=bool)
            first = list(writer.acknowledged)
            saved = place.backup("save", folder)
        assert (saved.returncode, saved.stderr) == (0, "")
        assert len(writer.acknowledged) > len(first)
        assert "in use: stop the services first" in place.backup("restore", folder).stderr
        system.stop()
        assert "say --replace" in place.backup("restore", folder).stderr

        place.destroy()
        restored = place.backup("restore", folder)
        assert (restored.returncode, restored.stderr) == (0, "")
        system.start("data-pipeline", "ml-engine", "backend-api")

        assert answers(system, key) == before
        books = totals(system, key)
        assert books["received"] == sum(books.values()) - books["received"]
        with system.client(key) as client:
            again = client.post("/api/v1/events", json={"events": first}).json()
            assert again["duplicates"] == len(first)
            later = 0
            for start in range(0, len(writer.acknowledged), 1_000):
                part = writer.acknowledged[start : start + 1_000]
                later += client.post("/api/v1/events", json={"events": part}).json()["accepted"]
        assert totals(system, key)["loaded"] == books["loaded"] + later
        assert books["loaded"] + later == 6_000 + 400 + 1 + len(writer.acknowledged)


def _filled(system: System) -> str:
    key = system.new_tenant("shop", plan_id="enterprise")
    sample = simulate(SimulatorSettings(users=300, items=400, events=6_000))
    with system.recommender(key) as client:
        assert client.items.send(sample.items).rejected == []
        assert client.events.send(sample.events).rejected == []
        trained(client)
    with system.client(key) as client:
        mixed = client.post("/api/v1/events", json={"events": [{"event_id": "bad"}, _event("w")]})
        assert (mixed.json()["accepted"], len(mixed.json()["rejected"])) == (1, 1), mixed.text
        put = client.put("/api/v1/scenarios/home", json={"options": {"diversity": 0.5}})
        assert put.is_success, put.text
        user = client.put("/api/v1/users/u3", json={"attributes": {"age": 3}})
        assert user.is_success, user.text
    return key
