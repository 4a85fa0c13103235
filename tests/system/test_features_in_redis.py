"""Features in Redis: read your writes, and no harm from a Redis that is killed under traffic."""

import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from redis import Redis
from tests.real_processes import wait_for
from tests.redis_server import RedisServer
from tests.system.processes import System, running_system, trained

from backends.feature_values.histories import HISTORY_LENGTH
from backends.scaled.redis_features.layout import PREFIX
from launcher.sample.simulator import SimulatorSettings, simulate

pytestmark = [pytest.mark.slow, pytest.mark.measuring, pytest.mark.timeout(300)]

EVENTS = 200
AWAY_SECONDS = 3.0
RECOVERY_SECONDS = 10.0
USERS = 20


@dataclass
class World:
    """The services over one Redis, and a trained tenant."""

    system: System
    redis: RedisServer
    key: str

    def features(self) -> dict[bytes, object]:
        """Every key and value, but where the features stand and how they came there."""
        with Redis.from_url(self.redis.url) as client:
            keys = sorted(set(client.scan_iter(f"{PREFIX}*")))
            own = {f"{PREFIX}{name}".encode() for name in ("state", "filled", "clearing")}
            return {key: _value(client, key) for key in keys if key not in own}

    def is_filled(self) -> bool:
        with Redis.from_url(self.redis.url) as client:
            return bool(client.exists(f"{PREFIX}filled"))


def _value(client: Redis, key: bytes) -> object:
    kind = client.type(key)
    if kind == b"hash":
        return client.hgetall(key)
    return client.zrange(key, 0, -1, withscores=True) if kind == b"zset" else client.get(key)


@pytest.fixture(scope="module", params=["kept", "lost"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[World]:
    """`kept`: Redis comes back with its file, else empty."""
    folder: Path = tmp_path_factory.mktemp("redis")
    redis = RedisServer(folder, keeps=request.param == "kept")
    redis.start_at_once()
    try:
        with running_system(folder, REDIS_URL=redis.url) as system:
            key = system.new_tenant("shop", plan_id="enterprise")
            sample = simulate(SimulatorSettings(users=100, items=300, events=3_000))
            with system.recommender(key) as client:
                assert client.items.send(sample.items).rejected == []
                assert client.events.send(sample.events).rejected == []
                trained(client)
            yield World(system, redis, key)
    finally:
        redis.kill()


def event(user: str, item: str) -> dict[str, object]:
    return {
        "event_id": uuid4().hex,
        "user_id": user,
        "item_id": item,
        "event_type": "view",
        "timestamp": datetime.now(UTC).isoformat(),
    }


def test_each_event_is_in_the_next_answer(world: World) -> None:
    with world.system.client(world.key) as client:
        for n in range(EVENTS):
            user = f"reader-{n % 10}"
            asked = {"user_id": user, "num_items": 1}
            best = client.post("/api/v1/recommendations", json=asked).json()["items"][0]["item_id"]
            sent = client.post("/api/v1/events", json={"events": [event(user, best)]})
            assert sent.status_code == 202
            answer = client.post("/api/v1/recommendations", json=asked).json()
            assert answer["degraded"] is None
            assert best not in [one["item_id"] for one in answer["items"]]


@dataclass
class Traffic:
    """What one caller sent and was answered until it was stopped."""

    world: World
    acknowledged: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    statuses: set[int] = field(default_factory=set[int])
    labels: list[tuple[float, str | None]] = field(default_factory=list[tuple[float, str | None]])
    slowest: float = 0.0
    prefix: str = field(default_factory=lambda: f"seen-{uuid4().hex[:8]}-")

    def send(self, stopped: threading.Event) -> None:
        with self.world.system.client(self.world.key) as client:
            n = 0
            while not stopped.is_set():
                user, item = f"traffic-{n % USERS}", f"{self.prefix}{n}"
                began = time.monotonic()
                sent = client.post("/api/v1/events", json={"events": [event(user, item)]})
                if sent.status_code == 202:
                    self.acknowledged.setdefault(user, []).append(item)
                asked = {"user_id": user, "num_items": 5}
                answer = client.post("/api/v1/recommendations", json=asked)
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.statuses |= {sent.status_code, answer.status_code}
                self.labels.append((time.monotonic(), answer.json().get("degraded")))
                time.sleep(0.01)
                n += 1


@contextmanager
def traffic(world: World) -> Generator[Traffic]:
    sent, stopped = Traffic(world), threading.Event()
    thread = threading.Thread(target=sent.send, args=(stopped,))
    thread.start()
    try:
        yield sent
    finally:
        stopped.set()
        thread.join()


@pytest.mark.parametrize("fault", ["killed", "hanging"])
def test_a_redis_that_goes_away_under_traffic_fails_nothing_and_loses_nothing(
    world: World, fault: str
) -> None:
    with traffic(world) as sent:
        wait_for(lambda: len(sent.labels), lambda count: count >= 20)
        away = time.monotonic()
        with killed(world.redis) if fault == "killed" else world.redis.hanging():
            wait_for(lambda: sent.labels[-1][1], lambda label: label is not None, 10)
            time.sleep(AWAY_SECONDS)  # So much of an outage is what is measured here.
        back = time.monotonic()
        wait_for(lambda: sent.labels[-1], lambda one: one[0] > back and one[1] is None, 60)
        recovered = time.monotonic() - back
        wait_for(lambda: ready(world, "data-pipeline"), lambda status: status == 200)
        in_full = time.monotonic() - back
    sys.stdout.write(
        f"\nRedis {fault} for {back - away:.1f} s: {len(sent.labels)} answers, slowest turn "
        f"{sent.slowest * 1000:.0f} ms; personal {recovered:.1f} s after its return, all services "
        f"ready after {in_full:.1f} s\n"
    )
    assert sent.statuses <= {200, 202}
    assert max(recovered, in_full) < RECOVERY_SECONDS
    with world.system.client(world.key) as client:
        for user, items in sent.acknowledged.items():
            history = client.get(f"/api/v1/users/{user}/history").json()["events"]
            seen = [one["item_id"] for one in history if one["item_id"].startswith(sent.prefix)]
            assert seen == items[-HISTORY_LENGTH:]


@contextmanager
def killed(redis: RedisServer) -> Generator[None]:
    redis.kill()
    try:
        yield
    finally:
        redis.start_at_once()


def test_features_made_anew_are_those_that_followed_byte_for_byte(world: World) -> None:
    before = world.features()
    assert len(before) > 100
    world.redis.empty()
    wait_for(world.is_filled, bool)
    assert world.features() == before


def ready(world: World, service: str) -> int:
    return httpx2.get(f"{world.system.url(service)}/health/ready").status_code
