"""One keyed read of a user's history: SQLite as the feature store does it, and LMDB beside it.

`.venv/bin/python -m benchmarks.serving.feature_store` prints a JSON line each.
"""

import asyncio
import json
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import lmdb
import orjson

from backends.embedded.feature_reader import SqliteFeatureReader
from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.ports import UserEvent

USERS = 20_000
HISTORY = 20
READS = 50_000
TENANT = "demo"


def events() -> list[tuple[str, UserEvent]]:
    return [
        (TENANT, UserEvent(f"user-{u}", f"item-{(u * 31 + i) % 5000}", "view", i * 1000, None))
        for u in range(USERS)
        for i in range(HISTORY)
    ]


async def measure(name: str, read: Callable[[str], Awaitable[object]]) -> None:
    users = [f"user-{random.Random(seed).randrange(USERS)}" for seed in range(READS)]
    times: list[int] = []
    for user in users:
        started = time.perf_counter_ns()
        await read(user)
        times.append(time.perf_counter_ns() - started)
    times.sort()
    p50, p99 = times[READS // 2] / 1000, times[READS * 99 // 100] / 1000
    print(json.dumps({"store": name, "reads": READS, "p50_us": p50, "p99_us": p99}))


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.db"
        writer = SqliteFeatureWriter(path)
        all_events = events()
        await writer.apply_events(all_events, 1)
        reader = SqliteFeatureReader(path)
        await measure("sqlite", lambda user: reader.history(TENANT, user))
        await reader.close()
        await writer.close()

        environment = lmdb.open(str(Path(folder) / "features.lmdb"), map_size=1 << 30)
        by_user: dict[str, list[list[str | int | float | None]]] = {}
        for _, e in all_events:
            row = [e.item_id, e.event_type, e.timestamp_ms, e.value]
            by_user.setdefault(e.user_id, []).append(row)
        with environment.begin(write=True) as transaction:
            for user, rows in by_user.items():
                transaction.put(f"{TENANT}/{user}".encode(), orjson.dumps(rows))

        async def read(user: str) -> object:
            with environment.begin(buffers=True) as transaction:
                found = transaction.get(f"{TENANT}/{user}".encode(), default=b"[]")
                return [UserEvent(user, *row) for row in orjson.loads(found)]

        await measure("lmdb", read)
        environment.close()


if __name__ == "__main__":
    asyncio.run(main())
