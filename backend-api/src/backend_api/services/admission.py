"""Who is let in: status, rate limit, scope and quota of a verified key."""

from datetime import UTC, datetime
from typing import Final

from backend_api.domain.access import Access, Clock, Requirement, utc_now
from backend_api.domain.access_errors import (
    InsufficientScope,
    OperatorKeyRequired,
    QuotaExceeded,
    TenantKeyRequired,
    TenantSuspended,
)
from backend_api.services.quotas import Quotas
from backends.ports import Allowance, RateLimiter

_MONTHS: Final = 12


class AdmissionService:
    """Lets requests in, or not; a refusal runs no query."""

    def __init__(self, limiter: RateLimiter, quotas: Quotas, clock: Clock = utc_now) -> None:
        self._limiter = limiter
        self._quotas = quotas
        self._clock = clock

    @staticmethod
    def check_kind(access: Access, requirement: Requirement) -> None:
        """Raises `OperatorKeyRequired`, `TenantKeyRequired` or `TenantSuspended`."""
        if requirement.operator:
            if access.tenant_id is not None:
                raise OperatorKeyRequired
        elif access.tenant_id is None:
            raise TenantKeyRequired
        if access.suspended:
            raise TenantSuspended

    async def take(self, access: Access, requirement: Requirement) -> Allowance | None:
        """One token of the tenant's bucket for the class; None where there is no limit."""
        limit = (access.limits or {}).get(requirement.route_class)
        if limit is None or access.tenant_id is None:
            return None
        bucket = f"{access.tenant_id}:{requirement.route_class}"
        return await self._limiter.take(bucket, *limit)

    async def check_rights(self, access: Access, requirement: Requirement) -> None:
        """Raises `InsufficientScope` or `QuotaExceeded`."""
        if requirement.scope not in access.scopes:
            raise InsufficientScope(requirement.scope)
        if access.tenant_id is None or access.monthly_requests is None:
            return
        now = self._clock()
        used = await self._quotas.used(access.tenant_id, now.date().replace(day=1))
        if used >= access.monthly_requests:
            seconds = (_next_month(now) - now).total_seconds()
            raise QuotaExceeded(access.monthly_requests, seconds)


def _next_month(now: datetime) -> datetime:
    year, month = divmod(now.year * _MONTHS + now.month, _MONTHS)
    return datetime(year, month + 1, 1, tzinfo=UTC)
