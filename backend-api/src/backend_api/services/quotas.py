"""How much of its month a tenant has used, known without a query for most requests."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from backend_api.services.metering import UsageMeter


@dataclass(slots=True)
class _Month:
    first: date
    used: int
    read_at: float


class Quotas:
    """Counts what this replica lets in on top of what is stored.

    What other replicas let in is seen after at most `refresh_seconds` and the time after which
    they write their usage: by that much a quota may be exceeded, and no more.
    """

    def __init__(
        self,
        meter: UsageMeter,
        refresh_seconds: float,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._meter = meter
        self._refresh_seconds = refresh_seconds
        self._elapsed = elapsed
        self._months: dict[str, _Month] = {}
        self._refreshing: dict[str, asyncio.Lock] = {}

    async def used(self, tenant_id: str, month: date) -> int:
        """The tenant's requests since `month`, the first day of this one; the next is counted.

        Raises:
            PortUnavailable: nothing is known yet, and the store does not answer.
        """
        known = self._months.get(tenant_id)
        if known is None or known.first != month or self._is_old(known):
            known = await self._read(tenant_id, month)
        used = known.used
        known.used += 1
        return used

    async def _read(self, tenant_id: str, month: date) -> _Month:
        async with self._refreshing.setdefault(tenant_id, asyncio.Lock()):
            known = self._months.get(tenant_id)
            if known is None or known.first != month or self._is_old(known):
                stored = await self._meter.requests_since(tenant_id, month)
                known = _Month(month, stored, self._elapsed())
                self._months[tenant_id] = known
            return known

    def _is_old(self, known: _Month) -> bool:
        return self._elapsed() - known.read_at >= self._refresh_seconds
