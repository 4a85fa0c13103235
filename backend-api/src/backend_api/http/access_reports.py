"""What access and usage tell of themselves: metrics and log lines."""

import logging
import time
from typing import Final

from backend_api.domain.access import NANOS
from backend_api.domain.usage import UsageKey
from backends.ports import PortUnavailable
from instrumentation.metrics import Metrics

_QUIET_SECONDS: Final = 10.0
_limits = logging.getLogger("backend_api.rate_limits")
_usage = logging.getLogger("backend_api.usage")


class AccessReports:
    """Counts and logs."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._said_at = float("-inf")

    def used(self, key: UsageKey, tokens: int, cost: int) -> None:
        """One request was counted."""
        inc, tenant_id, endpoint = self._metrics.inc, key.tenant_id, key.endpoint
        inc("api_requests_total", 1, tenant_id=tenant_id, endpoint=endpoint)
        inc("api_usage_tokens_total", tokens, tenant_id=tenant_id, endpoint=endpoint)
        if cost:
            inc("revenue_total", cost / NANOS, tenant_id=tenant_id, currency=key.currency)

    def rate_limited(self, tenant_id: str) -> None:
        """A request was refused because the tenant asks too often."""
        self._metrics.inc("api_requests_rate_limited_total", tenant_id=tenant_id)

    def limiter_away(self, error: PortUnavailable) -> None:
        """The shared rate limiter does not answer; this process limits by itself."""
        self._metrics.inc("rate_limiter_fallbacks_total")
        now = time.monotonic()
        if now - self._said_at >= _QUIET_SECONDS:
            self._said_at = now
            _limits.warning(
                "rate limits hold in this process alone: %s",
                error,
                extra={"category": "infrastructure"},
            )

    def usage_not_written(self, error: PortUnavailable) -> None:
        """Usage could not be written; its counts are kept."""
        _usage.warning("usage is kept in memory: %s", error, extra={"category": "infrastructure"})
