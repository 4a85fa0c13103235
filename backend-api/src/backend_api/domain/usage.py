"""What tenants use, counted in whole numbers."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple


class UsageKey(NamedTuple):
    """What is counted apart: a day (UTC), a tenant, a route template, a currency."""

    day: date
    tenant_id: str
    endpoint: str
    currency: str


@dataclass(slots=True)
class UsageCount:
    """What one endpoint was used; `cost` is in billionths of the currency."""

    endpoint: str
    currency: str
    requests: int = 0
    billed_requests: int = 0
    tokens: int = 0
    cost: int = 0

    def add(self, *, billed: bool, tokens: int, cost: int) -> None:
        """Count one request."""
        self.requests += 1
        self.billed_requests += billed
        self.tokens += tokens
        self.cost += cost


@dataclass(slots=True)
class UsageBatch:
    """What was used since the batch before, and when each key was used last.

    `batch_id` lets a batch be given twice and count once.
    """

    batch_id: str
    counts: dict[UsageKey, UsageCount] = field(default_factory=dict[UsageKey, UsageCount])
    last_used: dict[str, datetime] = field(default_factory=dict[str, datetime])

    def requests_of(self, tenant_id: str, since: date) -> int:
        """The tenant's requests in this batch from the day `since` on."""
        return sum(
            count.requests
            for key, count in self.counts.items()
            if key.tenant_id == tenant_id and key.day >= since
        )
