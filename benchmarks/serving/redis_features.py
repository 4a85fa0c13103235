"""Features in Redis beside those in a SQLite file: CPU time and wall time of a read and of a write.

`.venv/bin/python -m benchmarks.serving.redis_features` prints a JSON line each. Both stores take
turns, so that what the machine does meanwhile falls on both. It needs redis-server on PATH.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from redis import Redis
from tests.redis_server import RedisServer

from backends.embedded.feature_reader import SqliteFeatureReader
from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.ports import FeatureReader, FeatureWriter, Filled
from backends.scaled.redis_features.reader import RedisFeatureReader
from backends.scaled.redis_features.writer import RedisFeatureWriter
from benchmarks.serving.feature_store import NOW_MS, TENANT, USERS, histories, random_events
from benchmarks.serving.views import views

ROUNDS = 5
READS = 4_000
SINGLE = 200
LARGE = 10_000


class Measured:
    """What one kind of call took, over all rounds."""

    def __init__(self) -> None:
        self.cpu = 0.0
        self.times: list[float] = []

    async def call(self, work: Callable[[], Awaitable[object]], times: int) -> None:
        began = time.process_time()
        for _ in range(times):
            started = time.perf_counter()
            await work()
            self.times.append(time.perf_counter() - started)
        self.cpu += time.process_time() - began

    def line(self, **names: object) -> None:
        times = sorted(self.times)
        at = {percent: times[len(times) * percent // 100] * 1e6 for percent in (50, 99)}
        cpu = self.cpu / len(times) * 1e6
        figures = {"cpu_us": cpu, "p50_us": at[50], "p99_us": at[99]}
        print(json.dumps(names | {name: round(value, 1) for name, value in figures.items()}))


def user_read(reader: FeatureReader) -> Callable[[], Awaitable[object]]:
    rng = random.Random(1)
    return lambda: reader.user(TENANT, f"user-{rng.randrange(USERS)}")


class Writing:
    """Events of random users, one update after the other."""

    def __init__(self, writer: FeatureWriter, position: int) -> None:
        self._writer = writer
        self._position = position

    async def apply(self, size: int) -> None:
        events = random_events(size, 3_000, 5_000, NOW_MS + self._position)
        self._position += size
        update = views(TENANT, events, self._position)
        async for portion in self._writer.portions(update):
            await self._writer.apply(portion)


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        server = RedisServer(Path(name), keeps=True)
        await server.start()
        path = Path(name) / "features.db"
        writers: dict[str, FeatureWriter] = {
            "sqlite": SqliteFeatureWriter(path),
            "redis": RedisFeatureWriter(server.url),
        }
        readers: dict[str, FeatureReader] = {
            "sqlite": SqliteFeatureReader(path),
            "redis": RedisFeatureReader(server.url),
        }
        filled = histories()
        for writer in writers.values():
            async for portion in writer.portions(views(TENANT, filled, len(filled))):
                await writer.apply(portion)
            await writer.apply(Filled(await writer.positions()))
        await measure(writers, readers, len(filled), server)
        for one in (*writers.values(), *readers.values()):
            await one.close()
        server.kill()


async def measure(
    writers: dict[str, FeatureWriter],
    readers: dict[str, FeatureReader],
    position: int,
    server: RedisServer,
) -> None:
    writing = {store: Writing(writer, position) for store, writer in writers.items()}
    kinds = [(store, kind) for kind in ("user", "1 event", f"{LARGE} events") for store in readers]
    found = {key: Measured() for key in kinds}
    before, asked = redis_cpu(server), 0
    for _ in range(ROUNDS):
        for store, reader in readers.items():
            await found[store, "user"].call(user_read(reader), READS)
        asked += READS
    server_us = (redis_cpu(server) - before) / asked * 1e6
    for _ in range(ROUNDS):
        for store, one in writing.items():
            await found[store, "1 event"].call(lambda one=one: one.apply(1), SINGLE // ROUNDS)
            await found[store, f"{LARGE} events"].call(lambda one=one: one.apply(LARGE), 1)
    for (store, kind), measured in found.items():
        measured.line(store=store, kind=kind)
    print(json.dumps({"store": "redis", "kind": "user", "server_cpu_us": round(server_us, 1)}))


def redis_cpu(server: RedisServer) -> float:
    """Seconds of CPU time that Redis has taken."""
    with Redis.from_url(server.url) as client:
        cpu = client.info("cpu")
    return cpu["used_cpu_user"] + cpu["used_cpu_sys"]


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except pytest.skip.Exception as missing:
        sys.exit(str(missing))
