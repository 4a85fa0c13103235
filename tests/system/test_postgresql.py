"""The three services on one PostgreSQL: the jobs that migrate it, the main flow, its crash."""

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count

import httpx2
import pytest
from benchmarks.serving.load import post
from benchmarks.serving.steady_load import SteadyLoad, steady_load
from tests.e2e.launched import ROOT
from tests.postgres_server import PostgresServer
from tests.real_processes import wait_for
from tests.system.processes import System, running_system, stocked_shop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SERVICES = ("backend_api", "ml_engine", "data_pipeline")
AWAY_SECONDS = 4.0
RECOVERY_SECONDS = 10.0
BATCH = 20


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Generator[str]:
    """A database without any schema."""
    postgres.execute("CREATE DATABASE recommender")
    yield postgres.url("recommender")
    postgres.execute("DROP DATABASE recommender WITH (FORCE)")


def module(name: str, url: str, **settings: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "DATABASE_URL": url, "SERVICE_TOKEN": "t" * 16, **settings}
    command = [sys.executable, "-m", name]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=-1, stderr=subprocess.STDOUT
    )


@pytest.fixture(scope="module")
def system(database: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[System]:
    for service in SERVICES:
        jobs = [module(f"{service}.migrate", database) for _ in range(2)]
        said = sorted(job.communicate(timeout=60)[0] for job in jobs)
        assert [job.returncode for job in jobs] == [0, 0], said
        assert "already" in said[0], said
        assert "was none" in said[1], said
    folder = tmp_path_factory.mktemp("postgresql")
    with running_system(folder, DATABASE_URL=database) as system:
        yield system


@pytest.fixture(scope="module")
def key(system: System) -> str:
    return stocked_shop(system)


def test_a_service_ends_where_the_schema_is_not_its_own(postgres: PostgresServer) -> None:
    postgres.execute("CREATE DATABASE behind")
    url = postgres.url("behind")
    try:
        for service in SERVICES:
            start = module(f"{service}.main", url)
            said = start.communicate(timeout=60)[0].splitlines()
            assert start.returncode == 2, said
            assert f"run python -m {service}.migrate first" in said[-1]
    finally:
        postgres.execute("DROP DATABASE behind WITH (FORCE)")


def test_the_main_flow_works(system: System, key: str) -> None:
    with system.recommender(key) as client:
        answer = client.recommendations.for_user("u1", num_items=5)
        assert answer.algorithm == "two-tower"
        assert len(answer.items) == 5
        receipt = client.users.erase("u1")
        assert receipt.completed_at is not None
        assert client.recommendations.for_user("u1", num_items=5).algorithm == "popularity"


class Writer:
    """Sends events all the time: those acknowledged, and what each request was answered."""

    def __init__(self, system: System, key: str) -> None:
        self._client = system.client(key)
        self._going = True
        self.acknowledged: list[dict[str, str]] = []
        self.answers: list[tuple[float, int, str]] = []

    def run(self) -> None:
        for number in count():
            if not self._going:
                return
            events = [event(f"e{number}-{place}") for place in range(BATCH)]
            answer = self._client.post("/api/v1/events", json={"events": events})
            code = answer.json().get("code", "")
            self.answers.append((time.monotonic(), answer.status_code, code))
            if answer.is_success:
                assert answer.json()["accepted"] == BATCH
                self.acknowledged += events
            time.sleep(0.01)

    def stop(self) -> None:
        self._going = False

    def close(self) -> None:
        self._client.close()


def event(event_id: str) -> dict[str, str]:
    moment = "2026-11-22T12:00:00Z"
    user = f"u{len(event_id) + 2}"
    return {
        "event_id": event_id,
        "user_id": user,
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


def asked(key: str) -> list[bytes]:
    return [
        post("127.0.0.1", "/api/v1/recommendations", key, b'{"user_id":"u%d"}' % user)
        for user in range(2, 50)
    ]


def readiness(system: System) -> dict[str, int]:
    return {
        name: httpx2.get(f"{system.url(name)}/health/ready", timeout=10).status_code
        for name in ("backend-api", "data-pipeline", "ml-engine")
    }


def test_a_crash_of_the_server_is_a_clear_503_and_loses_nothing(
    system: System, key: str, postgres: PostgresServer
) -> None:
    reads = ("items/i1", "usage", "training-jobs", "users/u2/recommendations", "keys")
    with (
        steady_load(system.ports["backend-api"], asked(key), 30) as load,
        writing(system, key) as writer,
        system.client(key) as client,
    ):
        wait_for(lambda: len(writer.acknowledged), lambda sent: sent >= 5 * BATCH)
        postgres.kill()
        away = time.monotonic()
        answered = Counter[tuple[str, int, str]]()
        while time.monotonic() < away + AWAY_SECONDS:
            for path in reads:
                answer = client.get(f"/api/v1/{path}")
                answered[path, answer.status_code, answer.json().get("code", "")] += 1
        assert readiness(system) == dict.fromkeys(readiness(system), 503)
        postgres.start()
        back = time.monotonic()
        recovered = wait_for(
            lambda: [at for at, status, _ in writer.answers if at > back and status < 300],
            until=bool,
            patience_seconds=RECOVERY_SECONDS,
        )
        wait_for(
            lambda: readiness(system),
            lambda ready: set(ready.values()) == {200},
            patience_seconds=RECOVERY_SECONDS,
        )
        at_rest = load.now()
        load.wait_for(lambda one: one.status == 200, since=at_rest, seconds=5)
    tell(load, writer, answered, recovered[0] - back)
    statuses = {status for _, status, _ in writer.answers} | {one.status for one in load.answers}
    statuses |= {status for _, status, _ in answered}
    assert statuses <= {200, 202, 503}
    assert all(code for _, status, code in answered if status == 503)
    with system.client(key) as client:
        for first in range(0, len(writer.acknowledged), 1_000):
            some = writer.acknowledged[first : first + 1_000]
            again = client.post("/api/v1/events", json={"events": some}).json()
            assert (again["accepted"], again["duplicates"]) == (0, len(some))


def tell(
    load: SteadyLoad,
    writer: Writer,
    answered: Counter[tuple[str, int, str]],
    recovery_seconds: float,
) -> None:
    recommended = Counter(
        (one.status, one.body.get("degraded") or one.body.get("code")) for one in load.answers
    )
    written = Counter((status, code) for _, status, code in writer.answers)
    sys.stdout.write(
        f"\nevents {dict(written)}, {len(writer.acknowledged)} acknowledged; recommendations "
        f"{dict(recommended)}; others {dict(answered)}; back after {recovery_seconds:.1f} s\n"
    )
