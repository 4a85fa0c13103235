"""Every Cache keeps values for a while."""

from collections.abc import AsyncGenerator, Callable

import anyio
import pytest

from backends.embedded.memory_cache import MemoryCache
from backends.ports import Cache

pytestmark = pytest.mark.anyio

IMPLEMENTATIONS: dict[str, Callable[[], Cache]] = {"memory": MemoryCache}


@pytest.fixture(params=IMPLEMENTATIONS)
async def cache(request: pytest.FixtureRequest) -> AsyncGenerator[Cache]:
    cache = IMPLEMENTATIONS[request.param]()
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
