"""Features are made of the events alone: the same ones give the same bytes in each store."""

import random
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from tests.event_batches import event_batch
from tests.redis_server import RedisServer

from backends.embedded.feature_schema import FEATURE_TABLES
from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.feature_values import event_groups, histories
from backends.feature_values.histories import HISTORY_LENGTH
from backends.ports import (
    EventUpdate,
    FeatureWriter,
    ItemCountCorrection,
    UserCorrection,
    UserEvent,
)
from backends.scaled.redis_features.layout import Keys
from backends.scaled.redis_features.writer import RedisFeatureWriter

DAY_MS = 86_400_000


class Log:
    """Events of two tenants in some order, each with a sequence."""

    def __init__(self, events: Sequence[tuple[str, str, UserEvent]]) -> None:
        self.events = [
            (tenant, user, one._replace(sequence=n)) for n, (tenant, user, one) in enumerate(events)
        ]

    def histories(self) -> Mapping[tuple[str, str], list[UserEvent]]:
        found: defaultdict[tuple[str, str], list[UserEvent]] = defaultdict(list)
        for tenant, user, one in sorted(self.events, key=lambda e: (e[2][2], e[2][4])):
            found[tenant, user].append(one)
        return {key: events[-HISTORY_LENGTH:] for key, events in found.items()}

    def counts(self) -> Mapping[tuple[str, str], tuple[int, Mapping[date, int]]]:
        found: defaultdict[tuple[str, str], Counter[date]] = defaultdict(Counter)
        for tenant, _, one in self.events:
            day = datetime.fromtimestamp(one.timestamp_ms / 1000, UTC).date()
            found[tenant, one.item_id][day] += 1
        return {key: (sum(days.values()), days) for key, days in found.items()}


def table_rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything in the file but the positions, in the order of the keys."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table}").fetchall()
            for table in FEATURE_TABLES
        }


user_events = st.tuples(
    st.sampled_from(["acme", "other"]),
    st.sampled_from(["u1", "u2", "ü"]),
    st.builds(
        UserEvent,
        st.sampled_from(["a", "b", "ç"]),
        st.sampled_from(["view", "rating"]),
        st.integers(-3, 60).map(lambda day: day * DAY_MS // 2),
        st.one_of(st.none(), st.floats(-5, 5, allow_nan=False)),
        st.just(0),
    ),
)


class SqliteStores:
    """Writers of two stores in a folder, and what the stores hold."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def writer(self, name: str) -> FeatureWriter:
        return SqliteFeatureWriter(self._folder / f"{name}.db")

    def content(self, name: str) -> object:
        return table_rows(self._folder / f"{name}.db")


class RedisStores:
    """The same over a Redis, which is empty at first."""

    def __init__(self, url: str) -> None:
        self._url = url

    def writer(self, name: str) -> FeatureWriter:
        return RedisFeatureWriter(self._url, keys=Keys(f"{name}:"))

    def content(self, name: str) -> object:
        own = {f"{name}:{one}" for one in ("state", "filled")}
        with Redis.from_url(self._url, decode_responses=False) as client:
            keys = [key.decode() for key in client.scan_iter(f"{name}:*")]
            return {key.partition(":")[2]: stored(client, key) for key in keys if key not in own}


def stored(client: Redis, key: str) -> object:
    return client.hgetall(key) if client.type(key) == b"hash" else client.get(key)


any_log = st.lists(user_events, min_size=1, max_size=150).map(Log)
any_order = st.randoms(use_true_random=False)
any_cuts = st.lists(st.integers(1, 40), min_size=1, max_size=6)
any_few = st.sampled_from([0, 10, 1_000])


async def same_bytes(
    stores: SqliteStores | RedisStores, log: Log, order: random.Random, cuts: list[int], few: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(event_groups, "FEW", few)
        patched.setattr(event_groups, "WINDOW", 3)
        patched.setattr(histories, "HISTORY_LENGTH", 5)
        patched.setattr(event_groups, "HISTORY_LENGTH", 5)
        writer = stores.writer("corrected")
        users = [UserCorrection(*key, events) for key, events in log.histories().items()]
        counts = [ItemCountCorrection(*key, *count) for key, count in log.counts().items()]
        await writer.correct([*users, *counts], 1)
        await writer.close()
        writer, left, n = stores.writer("mixed"), order.sample(log.events, len(log.events)), 0
        while left:
            size = cuts[n % len(cuts)]
            part, left, n = left[:size], left[size:], n + 1
            batches = [(of, event_batch([(user, one)])) for of, user, one in part]
            lane = order.choice(["live", "bulk"])
            await writer.apply(EventUpdate(lane, batches, n))  # type: ignore[arg-type]
        await writer.close()
        assert stores.content("mixed") == stores.content("corrected")


@settings(max_examples=25)
@given(log=any_log, order=any_order, cuts=any_cuts, few=any_few)
def test_the_same_events_in_any_order_and_portions_give_the_same_bytes(
    log: Log, order: random.Random, cuts: list[int], few: int
) -> None:
    with TemporaryDirectory() as name:
        anyio.run(same_bytes, SqliteStores(Path(name)), log, order, cuts, few)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(log=any_log, order=any_order, cuts=any_cuts, few=any_few)
def test_the_same_events_in_any_order_and_portions_give_the_same_bytes_in_redis(
    shared_redis: RedisServer, log: Log, order: random.Random, cuts: list[int], few: int
) -> None:
    shared_redis.empty()
    anyio.run(same_bytes, RedisStores(shared_redis.url), log, order, cuts, few)
