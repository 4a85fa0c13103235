"""Counts what tenants use in memory, and writes it in batches, each exactly once."""

import asyncio
from datetime import date
from typing import Protocol
from uuid import uuid4

from backend_api.domain.access import Access, Clock, utc_now
from backend_api.domain.access_ports import UsageStore
from backend_api.domain.usage import UsageBatch, UsageCount, UsageKey


class UsageReports(Protocol):
    """Is told of each request as it is counted; `cost` is in billionths of the currency."""

    def used(self, key: UsageKey, tokens: int, cost: int) -> None:
        """One request was counted."""
        ...


class UsageMeter:
    """Usage since the last flush; what a crash loses is what was counted since then.

    A batch that could not be written stays as it is and is written again under its own id, so
    that nothing is lost and nothing counts twice, whether or not the first writing arrived.
    """

    def __init__(self, store: UsageStore, reports: UsageReports, clock: Clock = utc_now) -> None:
        self._store = store
        self._reports = reports
        self._clock = clock
        self._buffer = _new_batch()
        self._sending: UsageBatch | None = None
        self._flushing = asyncio.Lock()

    def count(self, access: Access, endpoint: str, *, billed: bool, tokens: int) -> None:
        """Count one request; `endpoint` is its route template. A key of the operator costs nothing.

        `tokens` are units of work, which only a billed request has.
        """
        now = self._clock()
        self._buffer.last_used[access.key_id] = now
        if access.tenant_id is None:
            return
        tokens, cost = (tokens, access.price) if billed else (0, 0)
        key = UsageKey(now.date(), access.tenant_id, endpoint, access.currency)
        count = self._buffer.counts.get(key)
        if count is None:
            count = self._buffer.counts[key] = UsageCount(endpoint, access.currency)
        count.add(billed=billed, tokens=tokens, cost=cost)
        self._reports.used(key, tokens, cost)

    async def flush(self) -> None:
        """Write what was counted. Raises `PortUnavailable`, and keeps the counts then."""
        async with self._flushing:
            if self._sending is not None:
                await self._send(self._sending)
            if self._buffer.last_used:
                self._sending, self._buffer = self._buffer, _new_batch()
                await self._send(self._sending)

    async def requests_since(self, tenant_id: str, day: date) -> int:
        """The tenant's requests from `day` on, those in memory included.

        Raises:
            PortUnavailable: what is stored cannot be read.
        """
        # Between a batch's writing and its end here it would count twice or not at all.
        async with self._flushing:
            stored = await self._store.requests_since(tenant_id, day)
            waiting = self._sending.requests_of(tenant_id, day) if self._sending else 0
            return stored + waiting + self._buffer.requests_of(tenant_id, day)

    async def _send(self, batch: UsageBatch) -> None:
        await self._store.add(batch)
        self._sending = None


def _new_batch() -> UsageBatch:
    return UsageBatch(batch_id=uuid4().hex)
