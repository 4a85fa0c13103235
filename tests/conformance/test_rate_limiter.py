"""Every RateLimiter gives out what its buckets hold, and no more."""

import asyncio
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.redis_server import RedisServer

from backends.embedded.memory_rate_limiter import MemoryRateLimiter
from backends.fallback_rate_limiter import FallbackRateLimiter
from backends.ports import PortUnavailable, RateLimiter
from backends.scaled.redis_rate_limiter import RedisRateLimiter

pytestmark = pytest.mark.anyio
SLOW = 0.001
"""A refill so slow that no test sees it."""


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncGenerator[RedisServer]:
    server = RedisServer(tmp_path)
    await server.start()
    yield server
    server.kill()


@pytest.fixture(params=["memory", "redis"])
async def limiter(request: pytest.FixtureRequest) -> AsyncGenerator[RateLimiter]:
    if request.param == "memory":
        yield MemoryRateLimiter()
        return
    server: RedisServer = request.getfixturevalue("shared_redis")
    limiter = RedisRateLimiter(server.url, timeout_seconds=5)
    yield limiter
    await limiter.close()


async def test_a_bucket_gives_its_burst_and_then_refuses(limiter: RateLimiter) -> None:
    answers = [await limiter.take("a", SLOW, 3) for _ in range(5)]
    assert [one.allowed for one in answers] == [True, True, True, False, False]
    assert [one.remaining for one in answers] == [2, 1, 0, 0, 0]


async def test_a_refusal_says_when_to_come_again(limiter: RateLimiter) -> None:
    given_out = await limiter.take("a", 0.1, 1)
    refused = await limiter.take("a", 0.1, 1)
    assert given_out.retry_after == 0
    assert given_out.full_after == pytest.approx(10, abs=0.5)
    assert refused.retry_after == pytest.approx(10, abs=1)
    assert refused.full_after == pytest.approx(10, abs=1)


async def test_buckets_are_apart(limiter: RateLimiter) -> None:
    for _ in range(2):
        await limiter.take("a", SLOW, 1)
    assert (await limiter.take("b", SLOW, 1)).allowed


async def test_a_bucket_fills_again_at_its_rate(limiter: RateLimiter) -> None:
    await limiter.take("a", 20, 1)
    assert not (await limiter.take("a", 20, 1)).allowed
    with anyio.fail_after(30):
        while not (await limiter.take("a", 20, 1)).allowed:
            await anyio.sleep(0.01)


async def test_over_a_time_no_more_than_the_burst_and_the_rate_is_given(
    limiter: RateLimiter,
) -> None:
    began, allowed = time.monotonic(), 0
    with anyio.fail_after(30):
        while allowed < 40:
            allowed += (await limiter.take("a", 100, 10)).allowed
            assert allowed <= 10 + 100 * (time.monotonic() - began)


async def test_a_smaller_burst_holds_at_once(limiter: RateLimiter) -> None:
    await limiter.take("a", SLOW, 100)
    assert (await limiter.take("a", SLOW, 2)).remaining == 1


async def test_it_answers_a_ping(limiter: RateLimiter) -> None:
    await limiter.ping()


@given(st.lists(st.floats(0, 5), max_size=50), st.floats(0.1, 50), st.integers(1, 20))
def test_no_pattern_of_waiting_gets_more_than_burst_and_rate(
    waits: list[float], per_second: float, burst: int
) -> None:
    now = 0.0
    limiter = MemoryRateLimiter(clock=lambda: now)

    async def ask_after(wait: float) -> bool:
        nonlocal now
        now += wait
        return (await limiter.take("a", per_second, burst)).allowed

    async def allowed() -> int:
        return sum([await ask_after(wait) for wait in waits])

    given_out = asyncio.run(allowed())
    assert given_out <= burst + per_second * now + 1e-6
    assert given_out >= min(len(waits), burst)


async def test_the_least_used_of_too_many_buckets_is_forgotten() -> None:
    limiter = MemoryRateLimiter(max_buckets=2)
    for bucket in ("a", "b", "a", "c"):
        await limiter.take(bucket, SLOW, 2)
    assert (await limiter.take("a", SLOW, 2)).remaining == 0
    assert (await limiter.take("b", SLOW, 2)).remaining == 1


async def test_replicas_that_share_a_redis_never_give_more_in_sum(redis: RedisServer) -> None:
    replicas = [RedisRateLimiter(redis.url, timeout_seconds=5) for _ in range(2)]

    async def ask(replica: RedisRateLimiter) -> int:
        return sum([(await replica.take("a", SLOW, 50)).allowed for _ in range(40)])

    counts = await asyncio.gather(*(ask(replica) for replica in replicas * 2))
    assert sum(counts) == 50
    for replica in replicas:
        await replica.close()


async def test_a_redis_that_is_away_is_told_as_such(redis: RedisServer) -> None:
    limiter = RedisRateLimiter(redis.url, timeout_seconds=5)
    await limiter.take("a", SLOW, 2)
    redis.kill()
    with pytest.raises(PortUnavailable, match="Redis does not answer"):
        await limiter.take("a", SLOW, 2)
    with pytest.raises(PortUnavailable, match="Redis does not answer"):
        await limiter.ping()
    await limiter.close()


async def test_while_redis_is_away_the_process_limits_by_itself(redis: RedisServer) -> None:
    now, reasons = 0.0, list[PortUnavailable]()
    limiter = FallbackRateLimiter(
        RedisRateLimiter(redis.url, timeout_seconds=5),
        MemoryRateLimiter(),
        reasons.append,
        clock=lambda: now,
    )
    assert (await limiter.take("a", SLOW, 2)).remaining == 1
    redis.kill()
    answers = [await limiter.take("a", SLOW, 2) for _ in range(3)]
    assert [one.allowed for one in answers] == [True, True, False]
    assert len(reasons) == 1
    await redis.start()
    assert not (await limiter.take("a", SLOW, 2)).allowed
    now += 1
    assert (await limiter.take("a", SLOW, 2)).remaining == 1
    assert len(reasons) == 1
    await limiter.close()
