import time
from pathlib import Path

import anyio
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from tests.unit.instrumentation.asgi import Answer, request
from tests.unit.instrumentation.conftest import Settings

from instrumentation.exposition import metrics_endpoint
from instrumentation.health import Health, HealthCheck
from instrumentation.metrics import Metrics

pytestmark = pytest.mark.anyio


async def fine() -> str:
    return "12 rows"


async def hanging() -> None:
    await anyio.sleep_forever()


async def broken() -> None:
    raise ConnectionError("postgresql://me:hunter2@db/x refused\nTraceback of much inside")


async def ask(path: str, *checks: HealthCheck, started_at: float | None = None) -> Answer:
    settings = Settings(service_version="1.2.3", data_dir=Path("/nowhere/at/all"))
    started_at = time.monotonic() if started_at is None else started_at
    health = Health(settings, checks, started_at, Metrics("backend-api"))
    return await request(Starlette(routes=health.routes()), path)


async def test_live_touches_no_dependency() -> None:
    async def touched() -> None:
        pytest.fail("was touched")

    answer = await ask("/health/live", HealthCheck("database", touched))
    assert (answer.status, answer.json()) == (200, {"status": "alive"})


async def test_the_report_shows_every_check() -> None:
    answer = await ask("/health", HealthCheck("database", fine), started_at=time.monotonic() - 60)
    report = answer.json()
    assert answer.status == 200
    assert (report["status"], report["version"]) == ("healthy", "1.2.3")
    assert report["environment"] == "development"
    assert report["uptime_seconds"] >= 60
    (check,) = report["checks"]
    assert (check["name"], check["status"], check["message"]) == ("database", "ok", "12 rows")
    assert check["duration_ms"] >= 0
    assert set(check) == {"name", "status", "duration_ms", "message", "details"}


async def test_unready_names_the_failing_check() -> None:
    answer = await ask("/health/ready", HealthCheck("database", broken), HealthCheck("cache", fine))
    assert answer.status == 503
    assert answer.json()["failing"] == ["database"]


async def test_a_check_that_is_not_needed_degrades_but_does_not_unready() -> None:
    checks = (HealthCheck("database", fine), HealthCheck("catalogue", broken, ready=False))
    assert (await ask("/health/ready", *checks)).status == 200
    report = await ask("/health", *checks)
    assert (report.status, report.json()["status"]) == (200, "degraded")


async def test_a_hanging_check_fails_at_its_timeout_and_holds_up_no_other() -> None:
    together: list[int] = []
    running = 0

    async def counted() -> None:
        nonlocal running
        running += 1
        together.append(running)
        try:
            await hanging()
        finally:
            running -= 1

    checks = [HealthCheck(f"slow{n}", counted, timeout_s=0.2) for n in range(8)]
    answer = await ask("/health", *checks, HealthCheck("cache", fine))
    assert together == [*range(1, 9)], "checks run at the same time"
    assert answer.status == 503
    report = {check["name"]: check for check in answer.json()["checks"]}
    assert report["slow0"]["status"] == "failed"
    assert report["slow0"]["message"] == "no answer within 0.2 s"
    assert report["cache"]["status"] == "ok"


async def test_a_failure_is_told_by_class_and_one_clean_line() -> None:
    answer = await ask("/health", HealthCheck("database", broken))
    message = answer.json()["checks"][0]["message"]
    assert message == "ConnectionError: postgresql://[redacted]@db/x refused"


async def test_deep_adds_cpu_memory_and_disk() -> None:
    answer = await ask("/health/deep", HealthCheck("database", fine))
    deep = answer.json()
    assert deep["cpu"]["count"] >= 1
    assert deep["memory"]["process_bytes"] > 0
    assert 0 < deep["disk"]["free_bytes"] <= deep["disk"]["total_bytes"]
    assert deep["checks"][0]["duration_ms"] >= 0


@pytest.mark.parametrize("path", ["/metrics", "/health", "/health/ready"])
async def test_each_scrape_and_probe_shows_the_checks_to_the_next_scrape(path: str) -> None:
    metrics = Metrics("backend-api")
    checks = (HealthCheck("database", broken), HealthCheck("cache", fine))
    health = Health(Settings(data_dir=Path("/nowhere")), checks, 0.0, metrics)
    scrape = Route("/metrics", metrics_endpoint(metrics, after=health.observe))
    app = Starlette(routes=[*health.routes(), scrape])
    await request(app, path)
    shown = (await request(app, "/metrics")).text
    assert 'health_check_up{check="database"} 0.0' in shown
    assert 'health_check_up{check="cache"} 1.0' in shown
