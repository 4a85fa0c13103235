"""Access: keys, tenants, plans, limits, usage and idempotency, over one database."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from opentelemetry.util.types import AttributeValue
from pydantic import RedisDsn
from sqlalchemy.ext.asyncio import AsyncEngine

from backend_api.adapters.audit_log import SqlAuditLog
from backend_api.adapters.idempotency_store import SqlIdempotencyStore
from backend_api.adapters.key_store import SqlAccessDirectory, SqlApiKeyStore
from backend_api.adapters.plan_store import SqlPlanStore
from backend_api.adapters.tenant_store import SqlTenantStore
from backend_api.adapters.usage_store import SqlUsageStore
from backend_api.bootstrap.background import in_background
from backend_api.bootstrap.ports import Pingable
from backend_api.domain.access import Clock
from backend_api.domain.errors import DomainError
from backend_api.http.access_reports import AccessReports
from backend_api.http.state import AccessServices
from backend_api.services.admission import AdmissionService
from backend_api.services.audit import AuditService
from backend_api.services.authentication import Authenticator
from backend_api.services.idempotency import IdempotencyService
from backend_api.services.keys import KeyService
from backend_api.services.metering import UsageMeter
from backend_api.services.plans import PlanService
from backend_api.services.quotas import Quotas
from backend_api.services.tenants import TenantService
from backend_api.services.usage import UsageService
from backend_api.settings import Settings
from backends.embedded.memory_cache import MemoryCache
from backends.embedded.memory_rate_limiter import MemoryRateLimiter
from backends.fallback_rate_limiter import FallbackRateLimiter
from backends.ports import Cache, PortUnavailable, RateLimiter
from backends.scaled.redis_rate_limiter import RedisRateLimiter
from instrumentation.metrics import Metrics
from instrumentation.ports import observed
from instrumentation.redis import redis_attributes
from instrumentation.telemetry import Telemetry

PortT = TypeVar("PortT")


@dataclass(frozen=True, slots=True)
class Access:
    """The use cases of access; `pinged` are the ports that health asks."""

    services: AccessServices
    pinged: Mapping[str, Pingable]


async def open_access(
    settings: Settings,
    telemetry: Telemetry,
    engine: AsyncEngine,
    stack: AsyncExitStack,
    clock: Clock,
) -> Access:
    """Open what access needs; `stack` writes the last usage and closes it.

    Raises:
        PortUnavailable: the operator's key cannot be stored.
    """
    weave = _Weaver(telemetry)
    reports = AccessReports(telemetry.metrics)
    directory, usage_store = SqlAccessDirectory(engine), SqlUsageStore(engine)
    verified = MemoryCache()
    limiter = _open_limiter(settings, weave, reports)
    stack.push_async_callback(limiter.close)
    stored_usage = weave.store(usage_store, "usage")
    meter = UsageMeter(stored_usage, reports, clock)
    authenticator = Authenticator(
        weave.store(directory, "access"),
        verified=weave.cache(verified, "api_key"),
        unknown=weave.cache(MemoryCache(), "unknown_api_key"),
        ttl_seconds=settings.api_key_cache_seconds,
        clock=clock,
    )
    keys = KeyService(weave.store(SqlApiKeyStore(engine), "api_keys"), authenticator, clock)
    operator_key = settings.operator_key()
    if operator_key is not None:
        await keys.install_operator_key(operator_key)
    services = AccessServices(
        authenticator=authenticator,
        admission=AdmissionService(limiter, Quotas(meter, settings.api_key_cache_seconds), clock),
        meter=meter,
        idempotency=IdempotencyService(
            weave.store(SqlIdempotencyStore(engine), "idempotency"),
            timedelta(hours=settings.idempotency_hours),
            clock=clock,
        ),
        tenants=TenantService(weave.store(SqlTenantStore(engine), "tenants"), authenticator, clock),
        plans=PlanService(weave.store(SqlPlanStore(engine), "plans"), authenticator, clock),
        keys=keys,
        audit=AuditService(weave.store(SqlAuditLog(engine), "audit_log"), clock),
        usage=UsageService(stored_usage, clock),
        reports=reports,
    )
    await _write_usage(stack, meter, settings.usage_flush_seconds, reports, telemetry.metrics)
    pinged: dict[str, Pingable] = {"database": directory, "cache": verified}
    if settings.redis_url is not None:
        pinged["redis"] = limiter
    return Access(services, pinged)


async def _write_usage(
    stack: AsyncExitStack,
    meter: UsageMeter,
    every_seconds: float,
    reports: AccessReports,
    metrics: Metrics,
) -> None:
    """Write usage while the service runs, and once more when it stops."""

    async def flush() -> float:
        try:
            await meter.flush()
        except PortUnavailable as error:
            reports.usage_not_written(error)
        return every_seconds

    stack.push_async_callback(flush)
    await stack.enter_async_context(in_background("usage", flush, metrics))


class _Weaver:
    """Weaves telemetry around ports."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def store(self, port: PortT, name: str) -> PortT:
        return self._observed(port, "store", name)

    def cache(self, port: Cache, name: str) -> Cache:
        return self._observed(port, "cache", name)

    def redis(self, port: RateLimiter, url: RedisDsn) -> RateLimiter:
        attributes = redis_attributes(str(url))
        return self._observed(port, "rate limiter", "redis", PortUnavailable, attributes=attributes)

    def _observed(
        self,
        port: PortT,
        kind: str,
        name: str,
        *expected: type[Exception],
        attributes: Mapping[str, AttributeValue] | None = None,
    ) -> PortT:
        return observed(
            port,
            kind=kind,
            name=name,
            metrics=self._telemetry.metrics,
            tracing=self._telemetry.tracing,
            expected=(DomainError, *expected),
            attributes=attributes,
        )


def _open_limiter(settings: Settings, weave: _Weaver, reports: AccessReports) -> RateLimiter:
    local = MemoryRateLimiter()
    if settings.redis_url is None:
        return local
    shared = weave.redis(RedisRateLimiter(str(settings.redis_url)), settings.redis_url)
    return FallbackRateLimiter(shared, local, reports.limiter_away)
