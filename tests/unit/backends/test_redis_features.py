"""Features in Redis when Redis loses some of them, and when several write."""

from collections.abc import AsyncGenerator, Callable, Generator

import pytest
from redis import Redis
from tests.event_batches import event_batch
from tests.redis_server import RedisServer

from backends.ports import (
    EventUpdate,
    FeaturesBegun,
    FeaturesMoved,
    Filled,
    PortUnavailable,
    Positions,
    UserCorrection,
    UserEvent,
)
from backends.scaled.redis_features.layout import PREFIX
from backends.scaled.redis_features.reader import WEIGHTS_SECONDS, RedisFeatureReader
from backends.scaled.redis_features.writer import RedisFeatureWriter
from backends.trials import RETRY_SECONDS

pytestmark = pytest.mark.anyio


@pytest.fixture
def redis(shared_redis: RedisServer) -> Generator[Redis]:
    with Redis.from_url(shared_redis.url) as client:
        yield client


@pytest.fixture
async def new_writer(
    redis: Redis, shared_redis: RedisServer
) -> AsyncGenerator[Callable[[], RedisFeatureWriter]]:
    writers: list[RedisFeatureWriter] = []

    def new() -> RedisFeatureWriter:
        writers.append(RedisFeatureWriter(shared_redis.url))
        return writers[-1]

    yield new
    for one in writers:
        await one.close()


@pytest.fixture
def writer(new_writer: Callable[[], RedisFeatureWriter]) -> RedisFeatureWriter:
    return new_writer()


@pytest.fixture
async def reader(redis: Redis, shared_redis: RedisServer) -> AsyncGenerator[RedisFeatureReader]:
    reader = RedisFeatureReader(shared_redis.url, 5)
    yield reader
    await reader.close()


def one_event(sequence: int, after: int | None = None) -> EventUpdate:
    event = UserEvent(f"i{sequence}", "view", sequence, None, sequence)
    return EventUpdate("live", [("acme", event_batch([("u", event)]))], sequence, after)


def kept(redis: Redis) -> dict[bytes, bytes | None]:
    return {key: redis.dump(key) for key in redis.scan_iter()}


def brought_back(redis: Redis, saved: dict[bytes, bytes | None]) -> None:
    """As a Redis that was killed comes back with what it had on disk."""
    redis.flushall()
    for key, content in saved.items():
        redis.restore(key, 0, content)


async def test_who_starts_while_another_empties_the_features_is_told_so(redis, writer) -> None:
    redis.set(f"{PREFIX}clearing", 1)
    with pytest.raises(FeaturesBegun):
        await writer.positions()
    redis.unlink(f"{PREFIX}clearing")
    assert await writer.positions() == Positions()


async def test_events_that_redis_lost_are_followed_again_from_where_it_stands(
    redis, writer, reader
) -> None:
    await writer.apply(one_event(1))
    await writer.apply(Filled(Positions(live=1)))
    saved = kept(redis)
    await writer.apply(one_event(2))
    brought_back(redis, saved)
    with pytest.raises(FeaturesMoved, match="at 1 of live, not at 2"):
        await writer.apply(one_event(3, after=2))
    assert await writer.positions() == Positions(live=1)
    await writer.apply(one_event(2, after=1))
    assert [one.item_id for one in (await reader.user("acme", "u")).events] == ["i1", "i2"]


async def test_a_store_that_lost_a_correction_begins_anew(redis, writer, reader) -> None:
    await writer.apply(one_event(1))
    await writer.apply(Filled(Positions(live=1)))
    saved = kept(redis)
    await writer.correct([UserCorrection("acme", "u", [])], 1)
    brought_back(redis, saved)
    assert await writer.positions() == Positions()
    with pytest.raises(PortUnavailable, match="not filled yet"):
        await reader.user("acme", "u")
    assert redis.keys() == [f"{PREFIX}state".encode()]
    await writer.apply(Filled(Positions()))
    assert (await reader.user("acme", "u")).events == ()


async def test_a_redis_that_started_again_unseen_is_not_trusted(redis, writer, new_writer) -> None:
    await writer.apply(one_event(1))
    assert await new_writer().positions() == Positions(live=1)
    redis.hset(f"{PREFIX}state", "run", "another")
    assert await writer.positions() == Positions(live=1)
    redis.hset(f"{PREFIX}state", "run", "another")
    assert await new_writer().positions() == Positions()


async def test_what_others_keep_in_redis_stays(redis, writer) -> None:
    redis.set("rate-limit:a", 1)
    redis.set(f"{PREFIX}left", 1)
    assert await writer.positions() == Positions()
    assert sorted(redis.keys()) == [f"{PREFIX}state".encode(), b"rate-limit:a"]


async def test_a_portion_is_refused_where_another_writer_came_first(
    redis, writer, new_writer
) -> None:
    another = new_writer()
    await writer.apply(one_event(1, after=0))
    with pytest.raises(FeaturesMoved):
        await another.apply(one_event(1, after=0))
    await another.apply(one_event(2, after=1))
    with pytest.raises(FeaturesMoved):
        await writer.correct([UserCorrection("acme", "u", [])], 1)
    assert await writer.positions() == Positions(live=2)
    await writer.correct([UserCorrection("acme", "u", [])], 1)
    assert await writer.positions() == Positions(live=2, corrections=1)


async def test_a_store_is_filled_only_where_it_stands(writer, reader) -> None:
    await writer.apply(one_event(1))
    with pytest.raises(FeaturesMoved):
        await writer.apply(Filled(Positions(live=2)))
    with pytest.raises(PortUnavailable, match="not filled yet"):
        await reader.ping()


async def test_a_redis_that_may_forget_features_is_refused(redis, writer) -> None:
    redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(PortUnavailable, match="set it to noeviction"):
            await writer.positions()
    finally:
        redis.config_set("maxmemory-policy", "noeviction")


async def test_a_user_and_the_weights_are_one_command(redis, writer, reader) -> None:
    await writer.apply(one_event(1))
    await writer.apply(Filled(Positions(live=1)))
    await reader.user("acme", "u")
    redis.config_resetstat()
    await reader.user("acme", "u")
    await reader.event_weights("acme")
    asked = redis.info("commandstats")
    assert {name: one["calls"] for name, one in asked.items() if "info" not in name} == {
        "cmdstat_mget": 1,
        "cmdstat_config|resetstat": 1,
    }


async def test_an_erasure_lets_redis_write_its_files_anew(redis, writer) -> None:
    redis.config_set("appendonly", "yes")
    try:
        await writer.correct([UserCorrection("acme", "u", [], erased=True)], 1)
        assert redis.info("commandstats")["cmdstat_bgrewriteaof"]["calls"] == 1
    finally:
        redis.config_set("appendonly", "no")


async def test_both_sides_are_back_within_a_second_of_an_outage(tmp_path) -> None:
    now = [0.0]
    server = RedisServer(tmp_path)
    await server.start()
    writer = RedisFeatureWriter(server.url, clock=lambda: now[0])
    reader = RedisFeatureReader(server.url, 5, clock=lambda: now[0])
    await writer.apply(Filled(await writer.positions()))
    await reader.ping()
    server.kill()
    with pytest.raises(PortUnavailable, match="Redis does not answer"):
        await reader.user("acme", "u")
    with pytest.raises(PortUnavailable, match="Redis does not answer"):
        await writer.apply(one_event(1))
    await server.start()
    for asking in (reader.user("acme", "u"), writer.positions()):
        with pytest.raises(PortUnavailable, match="Redis does not answer"):
            await asking
    now[0] += RETRY_SECONDS
    await writer.apply(Filled(await writer.positions()))
    assert (await reader.user("acme", "u")).events == ()
    await reader.close()
    await writer.close()
    server.kill()


async def test_weights_are_read_again_after_a_second(redis, writer, shared_redis) -> None:
    now = [0.0]
    reader = RedisFeatureReader(shared_redis.url, 5, clock=lambda: now[0])
    await writer.apply(Filled(await writer.positions()))
    await reader.user("acme", "u")
    redis.set(f"{PREFIX}weights:acme", b'{"view":2.0}')
    assert await reader.event_weights("acme") == {}
    now[0] += WEIGHTS_SECONDS + 0.1
    assert await reader.event_weights("acme") == {"view": 2.0}
    await reader.close()
