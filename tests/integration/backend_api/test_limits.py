"""Rate limits and quotas over HTTP: what is told, what is refused, and at what cost."""

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.backend_api.conftest import OPERATOR, Api, StartApi
from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio
SLOW = 0.001
QUERY = {"user_id": "42"}


async def limited(
    api: Api, tenant_id: str = "acme", monthly: int | None = None, **limits: tuple[float, int]
) -> None:
    """Put a tenant on a plan of its own."""
    plan = {
        "limits": {name: {"per_second": r, "burst": b} for name, (r, b) in limits.items()},
        "monthly_requests": monthly,
        "price_per_1000_requests": "1",
        "currency": "EUR",
    }
    await api.send("PUT", f"/admin/plans/of-{tenant_id}", plan, by=OPERATOR)
    change = {"plan_id": f"of-{tenant_id}"}
    changed = await api.send("PATCH", f"/admin/tenants/{tenant_id}", change, by=OPERATOR)
    assert changed.status_code == 200


async def recommend(api: Api, by: str = "acme") -> httpx2.Response:
    return await api.send("POST", "/recommendations", QUERY, by=by)


async def test_answers_tell_the_limit_and_what_is_left(api: Api) -> None:
    await limited(api, serving=(0.5, 10))
    response = await recommend(api)
    assert response.headers["ratelimit-policy"] == '"serving";q=10;w=20'
    assert response.headers["ratelimit"] == '"serving";r=9;t=2'
    response = await recommend(api)
    assert response.headers["ratelimit"] == '"serving";r=8;t=4'


async def test_over_the_limit_the_answer_is_429_with_the_time_to_wait(api: Api) -> None:
    await limited(api, serving=(0.5, 2))
    statuses = [(await recommend(api)).status_code for _ in range(2)]
    refused = await recommend(api)
    assert statuses == [200, 200]
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert refused.headers["retry-after"] == "2"
    assert refused.headers["ratelimit"].startswith('"serving";r=0;t=')
    assert await api.metric("api_requests_rate_limited_total", tenant_id="acme") == 1
    assert len(api.ml_engine.seen) == 2


async def test_a_limit_is_of_one_tenant_and_one_class(api: Api) -> None:
    await limited(api, serving=(SLOW, 1))
    assert [(await recommend(api)).status_code for _ in range(2)] == [200, 429]
    assert (await api.send("GET", "/tenant")).status_code == 200
    assert (await recommend(api, by="globex")).status_code == 200


async def test_without_a_limit_nothing_is_told(api: Api) -> None:
    await limited(api)
    response = await recommend(api)
    assert response.status_code == 200
    assert "ratelimit" not in response.headers


async def test_a_refusal_comes_before_the_body_is_read(api: Api) -> None:
    await limited(api, ingestion=(SLOW, 1))

    async def unreadable() -> Any:
        raise AssertionError("the body was read")
        yield b""

    headers = api.key_of("acme")
    await api.client.post("/api/v1/events", content=b"{", headers=headers)
    refused = await api.client.post("/api/v1/events", content=unreadable(), headers=headers)
    assert refused.status_code == 429


async def test_a_refusal_runs_no_query(start: StartApi) -> None:
    async with start(usage_flush_seconds=60) as api:
        await limited(api, monthly=1000, serving=(SLOW, 1))
        await recommend(api)
        before = await _queries(api)
        # A scrape is followed by the checks of /health, which ask the database.
        own = await _queries(api) - before
        assert [(await recommend(api)).status_code for _ in range(5)] == [429] * 5
        assert await _queries(api) == before + 2 * own


async def test_what_was_refused_is_neither_counted_nor_billed(api: Api) -> None:
    await limited(api, serving=(SLOW, 1))
    for _ in range(3):
        await recommend(api)
    endpoint = "/api/v1/recommendations"
    assert await api.metric("api_requests_total", tenant_id="acme", endpoint=endpoint) == 1


async def test_a_used_up_month_is_refused_until_the_next(start: StartApi) -> None:
    now = datetime(2026, 12, 31, 23, 59, 30, tzinfo=UTC)
    async with start(clock=lambda: now) as api:
        await limited(api, monthly=3)
        assert [(await recommend(api)).status_code for _ in range(3)] == [200] * 3
        refused = await recommend(api)
        assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")
        assert refused.headers["retry-after"] == "30"
        now = datetime(2027, 1, 1, tzinfo=UTC)
        assert (await recommend(api)).status_code == 200


async def test_a_month_goes_on_after_a_restart(start: StartApi) -> None:
    async with start() as api:
        await limited(api, monthly=3)
        for _ in range(2):
            await recommend(api)
    async with start() as api:
        assert [(await recommend(api)).status_code for _ in range(3)] == [200, 429, 429]


async def test_replicas_share_their_limits_in_redis(start: StartApi, tmp_path: Path) -> None:
    redis = RedisServer(tmp_path)
    await redis.start()
    async with start(redis_url=redis.url) as one, start(redis_url=redis.url) as other:
        await limited(one, serving=(SLOW, 6))
        statuses = [(await recommend(api)).status_code for _ in range(5) for api in (one, other)]
        assert statuses.count(200) == 6
        assert statuses[:6] == [200] * 6
    redis.kill()


async def test_without_redis_each_replica_limits_by_itself_and_says_so(
    start: StartApi, tmp_path: Path
) -> None:
    redis = RedisServer(tmp_path)
    await redis.start()
    async with start(redis_url=redis.url) as api:
        await limited(api, serving=(SLOW, 2))
        assert (await recommend(api)).status_code == 200
        redis.kill()
        assert [(await recommend(api)).status_code for _ in range(3)] == [200, 200, 429]
        assert await api.metric("rate_limiter_fallbacks_total") >= 1
        report = (await api.client.get("/health")).json()
        assert report["status"] == "degraded"
        check = next(check for check in report["checks"] if check["name"] == "redis")
        assert "Redis does not answer" in check["message"]
        assert any("limits hold in this process" in str(line) for line in api.logs())
        assert (await api.client.get("/health/ready")).status_code == 200


async def _queries(api: Api) -> float:
    text = (await api.client.get("/metrics")).text
    name = "db_query_duration_seconds_count"
    counts = [float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name)]
    assert counts
    return math.fsum(counts)
