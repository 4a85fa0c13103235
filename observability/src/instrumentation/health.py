"""Health: alive, ready, and a report of every dependency."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from instrumentation.errors import short_message
from instrumentation.host import host_report
from instrumentation.metrics import Metrics
from instrumentation.rates import Rates
from instrumentation.settings import ServiceSettings

OK: Final = "ok"
FAILED: Final = "failed"
_UNAVAILABLE: Final = 503


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One dependency, such as a port's `ping`.

    `check` raises where the dependency cannot be used; what it returns is shown as message.
    `ready` tells whether the service is unready without it. `timeout_s` is in seconds.
    """

    name: str
    check: Callable[[], Awaitable[str | None]]
    ready: bool = True
    timeout_s: float = 1.0


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check went."""

    check: HealthCheck
    status: str
    duration_ms: float
    message: str | None

    def as_json(self) -> dict[str, Any]:
        """The entry of `checks`."""
        return {
            "name": self.check.name,
            "status": self.status,
            "duration_ms": self.duration_ms,
            "message": self.message,
            "details": {"ready": self.check.ready, "timeout_s": self.check.timeout_s},
        }


async def run_checks(checks: Sequence[HealthCheck]) -> list[CheckResult]:
    """Run all checks at once; one that hangs fails at its timeout, none raises."""
    results: list[CheckResult | None] = [None] * len(checks)

    async def run_into(index: int, check: HealthCheck) -> None:
        results[index] = await _run(check)

    async with anyio.create_task_group() as group:
        for index, check in enumerate(checks):
            group.start_soon(run_into, index, check)
    return [result for result in results if result is not None]


async def _run(check: HealthCheck) -> CheckResult:
    started = time.perf_counter()
    status, message = FAILED, f"no answer within {check.timeout_s:g} s"
    with anyio.move_on_after(check.timeout_s):
        try:
            message = await check.check()
            status = OK
        except Exception as error:
            message = f"{type(error).__name__}: {short_message(error)}"
    return CheckResult(check, status, round((time.perf_counter() - started) * 1000, 3), message)


class Health:
    """The four endpoints over one list of checks, and how those went as a metric.

    `started_at` is `time.monotonic()` at the service's start.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        checks: Sequence[HealthCheck],
        started_at: float,
        metrics: Metrics,
        rates: Rates | None = None,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._checks = tuple(checks)
        self._required = tuple(check for check in checks if check.ready)
        self._started_at = started_at
        self._rates = rates

    async def live(self, _: Request) -> JSONResponse:
        """The process answers; nothing outside of it is touched."""
        return JSONResponse({"status": "alive"})

    async def ready(self, _: Request) -> JSONResponse:
        """503 with the failing checks named where a needed one fails."""
        failing = [one for one in await self._run(self._required) if one.status == FAILED]
        if not failing:
            return JSONResponse({"status": "ready"})
        names = [one.check.name for one in failing]
        body = {"status": "not ready", "failing": names, "checks": [o.as_json() for o in failing]}
        return JSONResponse(body, status_code=_UNAVAILABLE)

    async def report(self, _: Request) -> JSONResponse:
        """Status and every check; 503 where a needed one fails."""
        body = await self._report()
        return JSONResponse(body, status_code=_code(body))

    async def deep(self, _: Request) -> JSONResponse:
        """The report with CPU, memory, disk and how busy the process is."""
        body = await self._report()
        host = await anyio.to_thread.run_sync(host_report, self._settings.data_dir)
        rates = {} if self._rates is None else {"rates": self._rates.report()}
        return JSONResponse({**body, **host, **rates}, status_code=_code(body))

    async def observe(self) -> None:
        """Run every check for the sake of the metric."""
        await self._run(self._checks)

    def routes(self) -> list[Route]:
        """The routes /health, /health/live, /health/ready and /health/deep."""
        return [
            Route("/health", self.report),
            Route("/health/live", self.live),
            Route("/health/ready", self.ready),
            Route("/health/deep", self.deep),
        ]

    async def _run(self, checks: Sequence[HealthCheck]) -> list[CheckResult]:
        results = await run_checks(checks)
        for one in results:
            self._metrics.set("health_check_up", one.status == OK, check=one.check.name)
        return results

    async def _report(self) -> dict[str, Any]:
        results = await self._run(self._checks)
        return {
            "status": _overall(results),
            "version": self._settings.service_version,
            "environment": self._settings.environment,
            "uptime_seconds": round(time.monotonic() - self._started_at, 3),
            "checks": [result.as_json() for result in results],
        }


def _overall(results: Sequence[CheckResult]) -> str:
    failing = [result for result in results if result.status == FAILED]
    if any(result.check.ready for result in failing):
        return "unhealthy"
    return "degraded" if failing else "healthy"


def _code(body: dict[str, Any]) -> int:
    return _UNAVAILABLE if body["status"] == "unhealthy" else 200
