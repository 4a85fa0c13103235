"""Every Cache keeps values for a while."""

from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
import pytest
from tests.redis_server import RedisServer

from backends import trials
from backends.embedded.memory_cache import MemoryCache
from backends.ports import Cache, PortUnavailable
from backends.scaled.redis_cache import RedisCache

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "redis"])
async def cache(request: pytest.FixtureRequest) -> AsyncGenerator[Cache]:
    if request.param == "memory":
        cache: Cache = MemoryCache()
    else:
        server: RedisServer = request.getfixturevalue("shared_redis")
        cache = RedisCache(server.url, list[PortUnavailable]().append, 5)
    yield cache
    await cache.close()


async def test_what_is_set_is_got_until_it_is_replaced(cache: Cache) -> None:
    assert await cache.get("a") is None
    await cache.set("a", b"1", 60)
    await cache.set("b", b"", 60)
    assert (await cache.get("a"), await cache.get("b")) == (b"1", b"")
    await cache.set("a", b"2", 60)
    assert await cache.get("a") == b"2"


async def test_a_deleted_value_is_gone_and_deleting_it_again_is_nothing(cache: Cache) -> None:
    await cache.set("a", b"1", 60)
    await cache.set("b", b"2", 60)
    await cache.delete("a")
    await cache.delete("a")
    assert (await cache.get("a"), await cache.get("b")) == (None, b"2")


async def test_a_value_goes_when_its_time_is_over(cache: Cache) -> None:
    await cache.set("short", b"1", 0.05)
    await cache.set("long", b"2", 60)
    with anyio.fail_after(30):
        while await cache.get("short") is not None:
            await anyio.sleep(0.01)
    assert await cache.get("long") == b"2"


async def test_a_value_set_again_lives_anew(cache: Cache) -> None:
    await cache.set("a", b"1", 0.01)
    await cache.set("a", b"2", 60)
    await anyio.sleep(0.02)  # past the first time
    assert await cache.get("a") == b"2"


async def test_a_working_cache_answers_a_ping(cache: Cache) -> None:
    await cache.ping()


async def test_what_one_replica_keeps_the_others_find(shared_redis: RedisServer) -> None:
    ours, theirs = (
        RedisCache(shared_redis.url, list[PortUnavailable]().append, 5) for _ in range(2)
    )
    await ours.set("a", b"1", 60)
    assert await theirs.get("a") == b"1"
    await theirs.delete("a")
    assert await ours.get("a") is None
    for one in (ours, theirs):
        await one.close()


async def test_a_redis_that_is_away_is_an_empty_cache_and_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "RETRY_SECONDS", 0.0)
    server, told = RedisServer(tmp_path), list[PortUnavailable]()
    await server.start()
    cache = RedisCache(server.url, told.append, 5)
    await cache.set("a", b"1", 60)
    server.kill()
    await cache.set("a", b"2", 60)
    await cache.delete("a")
    assert await cache.get("a") is None
    with pytest.raises(PortUnavailable, match="Redis does not answer"):
        await cache.ping()
    assert len(told) == 1
    await server.start()
    await cache.set("a", b"3", 60)
    assert await cache.get("a") == b"3"
    server.kill()
    assert await cache.get("a") is None
    assert len(told) == 2
    await cache.close()
