"""Usage: counted once, billed by the plan, kept over a clean stop and lost within a bound."""

import csv
import io
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from tests.integration.backend_api.conftest import OPERATOR, Api, StartApi
from tests.integration.backend_api.fake_ml_engine import UNKNOWN_ITEM
from tests.real_processes import free_port

from backend_api.settings import Settings

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
DAY = "2026-11-30"


async def rows(api: Api, by: str = "acme", path: str = "/usage") -> dict[tuple[str, str], Any]:
    report = (await api.send("GET", path, by=by)).json()
    return {(row["tenant_id"], row["endpoint"]): row for row in report["rows"]}


async def written(api: Api, endpoint: str, requests: int, by: str = "acme") -> dict[str, Any]:
    """The row of an endpoint, once it has so many requests."""
    with anyio.fail_after(30):
        while True:
            row = (await rows(api, by)).get((by, endpoint))
            if row is not None and row["requests"] >= requests:
                return row
            await anyio.sleep(0.01)


async def test_requests_are_counted_by_endpoint_and_billed_where_they_succeed(
    start: StartApi,
) -> None:
    async with start(usage_flush_seconds=0.02, clock=lambda: NOW) as api:
        for _ in range(3):
            await api.send("POST", "/recommendations", {"user_id": "42", "num_items": 4})
        await api.send("POST", "/recommendations", {"item_id": UNKNOWN_ITEM})
        row = await written(api, "/api/v1/recommendations", 4)
        assert row == {
            "day": DAY,
            "tenant_id": "acme",
            "endpoint": "/api/v1/recommendations",
            "requests": 4,
            "billed_requests": 3,
            "tokens": 12,
            "cost": row["cost"],
            "currency": "EUR",
        }
        assert Decimal(row["cost"]) == Decimal("0.0015")
        counted = {"tenant_id": "acme", "endpoint": "/api/v1/recommendations"}
        assert await api.metric("api_requests_total", **counted) == 4
        assert await api.metric("api_usage_tokens_total", **counted) == 12


async def test_metrics_and_reports_come_of_the_same_counts(start: StartApi) -> None:
    async with start(usage_flush_seconds=0.02) as api:
        for _ in range(7):
            await api.send("POST", "/recommendations", {"user_id": "42"})
        await written(api, "/api/v1/recommendations", 7)
        report = (await api.send("GET", "/usage")).json()
        (total,) = report["totals"]
        # The report itself is counted once it is answered.
        revenue = await api.metric("revenue_total", tenant_id="acme", currency="EUR")
        reported = sum(Decimal(row["cost"]) for row in report["rows"])
        assert Decimal(total["cost"]) == reported
        assert total["requests"] == sum(row["requests"] for row in report["rows"])
        assert revenue >= float(reported) > 0


async def test_nobody_pays_for_requests_without_a_key_or_to_unknown_paths(
    start: StartApi,
) -> None:
    async with start() as api:
        await api.client.post("/api/v1/recommendations", json={"user_id": "42"})
        await api.send("GET", "/nothing-here")
        await api.send("GET", "/admin/tenants")
        await api.send("GET", "/admin/tenants", by=OPERATOR)
    async with start() as api:
        assert await rows(api) == {}
        assert await rows(api, OPERATOR, "/admin/usage") == {}


async def test_what_was_counted_outlives_a_stop(start: StartApi) -> None:
    async with start(usage_flush_seconds=60) as api:
        for _ in range(5):
            await api.send("POST", "/recommendations", {"user_id": "42"})
    async with start(usage_flush_seconds=60) as api:
        assert (await rows(api))["acme", "/api/v1/recommendations"]["requests"] == 5


async def test_a_tenant_sees_its_own_use_and_the_operator_everybodys(start: StartApi) -> None:
    async with start() as api:
        for by in ("acme", "globex"):
            await api.send("POST", "/recommendations", {"user_id": "42"}, by=by)
    async with start() as api:
        assert {tenant for tenant, _ in await rows(api)} == {"acme"}
        everybodys = await rows(api, OPERATOR, "/admin/usage")
        assert {tenant for tenant, _ in everybodys} == {"acme", "globex"}


@pytest.mark.parametrize(("by", "path"), [("acme", "/usage.csv"), (OPERATOR, "/admin/usage.csv")])
async def test_reports_come_as_csv(start: StartApi, by: str, path: str) -> None:
    async with start(clock=lambda: NOW) as api:
        await api.send("POST", "/recommendations", {"user_id": "42"})
    async with start(clock=lambda: NOW) as api:
        response = await api.send("GET", f"{path}?from={DAY}&to={DAY}", by=by)
        assert response.headers["content-type"] == "text/csv; charset=utf-8"
        (row,) = csv.DictReader(io.StringIO(response.text))
        assert (row["day"], row["tenant_id"], row["requests"]) == (DAY, "acme", "1")
        assert Decimal(row["cost"]) == Decimal("0.0005")
        earlier = await api.send("GET", f"{path}?from=2026-11-01&to=2026-11-29", by=by)
        assert len(earlier.text.splitlines()) == 1


async def test_a_changed_price_leaves_what_was_counted(start: StartApi) -> None:
    async with start(usage_flush_seconds=0.02) as api:
        await api.send("POST", "/recommendations", {"user_id": "42"})
        await written(api, "/api/v1/recommendations", 1)
        plan = {"limits": {}, "price_per_1000_requests": "2.000001", "currency": "EUR"}
        await api.send("PUT", "/admin/plans/standard", plan, by=OPERATOR)
        await api.send("POST", "/recommendations", {"user_id": "42"})
        row = await written(api, "/api/v1/recommendations", 2)
        assert Decimal(row["cost"]) == Decimal("0.0005") + Decimal("0.002000001")


async def test_the_account_says_how_much_of_the_month_is_used(start: StartApi) -> None:
    async with start() as api:
        for _ in range(3):
            await api.send("POST", "/recommendations", {"user_id": "42"})
    async with start() as api:
        assert (await api.send("GET", "/tenant")).json()["requests_this_month"] == 3


async def test_a_killed_process_loses_no_more_than_one_interval(
    prepared: tuple[Path, dict[str, str]], start: StartApi, tmp_path: Path
) -> None:
    """Requests answered before the last flush are there after kill -9, each once."""
    port = free_port()
    process = _serve(tmp_path, port, interval=0.3)
    try:
        headers = {"authorization": f"Bearer {prepared[1]['acme']}"}
        url = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(base_url=url, headers=headers) as client:
            await _until_alive(client)
            await _list_keys(client, 20)
            # What is reported was written, at the end of an interval.
            with anyio.fail_after(30):
                while await _reported(client, "/api/v1/keys") < 20:
                    await anyio.sleep(0.01)
            await _list_keys(client, 20)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    async with start() as api:
        counted = (await rows(api))["acme", "/api/v1/keys"]["requests"]
    assert 20 <= counted <= 40


async def _list_keys(client: httpx2.AsyncClient, times: int) -> None:
    for _ in range(times):
        assert (await client.get("/api/v1/keys")).status_code == 200


async def _reported(client: httpx2.AsyncClient, endpoint: str) -> int:
    report = (await client.get("/api/v1/usage")).json()
    return sum(row["requests"] for row in report["rows"] if row["endpoint"] == endpoint)


def _serve(data_dir: Path, port: int, interval: float) -> subprocess.Popen[bytes]:
    unset = {name.upper() for name in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {
        "DATA_DIR": str(data_dir),
        "SERVICE_TOKEN": "0123456789abcdef",
        "PORT": str(port),
        "LOG_LEVEL": "ERROR",
        "USAGE_FLUSH_SECONDS": str(interval),
    }
    command = (sys.executable, "-m", "backend_api.main")
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


async def _until_alive(client: httpx2.AsyncClient) -> None:
    with anyio.fail_after(60):
        while True:
            try:
                await client.get("/health/live")
            except httpx2.TransportError:
                await anyio.sleep(0.05)
            else:
                return
