"""The feature store: events a second that it takes in, and one keyed read of a user.

LMDB is read beside it. `.venv/bin/python -m benchmarks.serving.feature_store` prints a JSON line
each.
"""

import asyncio
import json
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import lmdb

from backends.embedded.feature_reader import SqliteFeatureReader
from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.feature_values.histories import decode_history, encode_history
from backends.ports import UserEvent
from benchmarks.serving.views import views

USERS = 20_000
HISTORY = 20
READS = 50_000
TENANT = "demo"
NOW_MS = 1_700_000_000_000


def histories() -> list[tuple[str, str, int]]:
    return [
        (f"user-{u}", f"item-{(u * 31 + i) % 5000}", i * 1000)
        for u in range(USERS)
        for i in range(HISTORY)
    ]


def random_events(count: int, users: int, items: int, first_ms: int) -> list[tuple[str, str, int]]:
    rng = random.Random(first_ms)
    return [
        (f"user-{rng.randrange(users)}", f"item-{rng.randrange(items)}", first_ms + n)
        for n in range(count)
    ]


async def measure_reads(name: str, read: Callable[[str], Awaitable[object]]) -> None:
    users = [f"user-{random.Random(seed).randrange(USERS)}" for seed in range(READS)]
    times: list[int] = []
    for user in users:
        started = time.perf_counter_ns()
        await read(user)
        times.append(time.perf_counter_ns() - started)
    times.sort()
    p50, p99 = times[READS // 2] / 1000, times[READS * 99 // 100] / 1000
    print(json.dumps({"store": name, "reads": READS, "p50_us": p50, "p99_us": p99}))


async def measure_writes(folder: Path) -> None:
    """Requests of 10,000 events after each other, single events, and half a million of a file."""
    writer = SqliteFeatureWriter(folder / "live.db")
    position, seconds = 0, list[float]()
    sizes = [10_000] * 8 + [1] * 200
    for size in sizes:
        update = views(
            TENANT,
            random_events(size, 3_000, 5_000, NOW_MS + position),
            position := position + size,
        )
        started = time.perf_counter()
        await writer.apply(update)
        seconds.append(time.perf_counter() - started)
    await writer.close()
    large, single = sorted(seconds[:8])[4], sorted(seconds[8:])[100]
    print(json.dumps({"live": "10,000 events of 3,000 users", "events_per_second": 10_000 / large}))
    print(json.dumps({"live": "1 event", "p50_ms": single * 1000}))
    for users in (50_000, 400_000):
        writer = SqliteFeatureWriter(folder / f"bulk-{users}.db")
        update = views(TENANT, random_events(500_000, users, 20_000, NOW_MS), 500_000, "bulk")
        started, longest = time.perf_counter(), 0.0
        async for portion in writer.portions(update):
            began = time.perf_counter()
            await writer.apply(portion)
            longest = max(longest, time.perf_counter() - began)
        rate = 500_000 / (time.perf_counter() - started)
        await writer.close()
        line = {"bulk": f"500,000 events of {users:,} users", "events_per_second": rate}
        print(json.dumps(line | {"longest_portion_ms": longest * 1000}))


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await measure_writes(folder)
        path = folder / "features.db"
        writer = SqliteFeatureWriter(path)
        all_events = histories()
        await writer.apply(views(TENANT, all_events, len(all_events)))
        reader = SqliteFeatureReader(path)
        await measure_reads("sqlite", lambda user: reader.user(TENANT, user))
        await reader.close()
        await writer.close()

        environment = lmdb.open(str(folder / "features.lmdb"), map_size=1 << 30)
        by_user: dict[str, list[UserEvent]] = {}
        for sequence, (user, item, moment) in enumerate(all_events):
            by_user.setdefault(user, []).append(UserEvent(item, "view", moment, None, sequence))
        with environment.begin(write=True) as transaction:
            for user, rows in by_user.items():
                transaction.put(f"{TENANT}/{user}".encode(), encode_history(rows))

        async def read(user: str) -> object:
            with environment.begin(buffers=True) as transaction:
                found = transaction.get(f"{TENANT}/{user}".encode(), default=b"")
                return decode_history(bytes(found))

        await measure_reads("lmdb", read)
        environment.close()


if __name__ == "__main__":
    asyncio.run(main())
