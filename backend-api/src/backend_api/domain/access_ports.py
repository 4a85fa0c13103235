"""What backend-api needs of the outside to know its callers and to count what they use.

`ping` raises `PortUnavailable` where the thing behind the port cannot be used. Every write of
an administrative act takes the `AuditEntry` that tells of it: both are kept, or neither.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from backend_api.domain.idempotency import Attempt, Begun, KeptAnswer
from backend_api.domain.keys import KeyRecord, StoredKey
from backend_api.domain.usage import UsageBatch, UsageCount
from contracts.public.access import ApiKey, AuditEntry, Plan, Tenant, TenantChanges


class AccessDirectory(Protocol):
    """Knows what a key may do."""

    async def find(self, key_id: str) -> KeyRecord | None:
        """The key with its tenant and its plan, revoked or not, or None."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where keys cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the directory holds."""
        ...


class TenantStore(Protocol):
    """Keeps the tenants."""

    async def add(self, tenant: Tenant, entry: AuditEntry) -> None:
        """Keep a tenant. Raises `TenantExists` and `PlanNotFound`."""
        ...

    async def find(self, tenant_id: str) -> Tenant | None:
        """The tenant, or None."""
        ...

    async def page(self, limit: int, after: str | None) -> Sequence[Tenant]:
        """Up to `limit` tenants by id, from the one after `after`."""
        ...

    async def change(self, tenant_id: str, changes: TenantChanges, entry: AuditEntry) -> Tenant:
        """The tenant with what is set in `changes`. Raises `NoSuchTenant` and `PlanNotFound`."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where tenants cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class PlanStore(Protocol):
    """Keeps the plans."""

    async def find(self, plan_id: str) -> Plan | None:
        """The plan, or None."""
        ...

    async def page(self, limit: int, after: str | None) -> Sequence[Plan]:
        """Up to `limit` plans by id, from the one after `after`."""
        ...

    async def put(self, plan: Plan, entry: AuditEntry) -> bool:
        """Keep a plan; whether it is new."""
        ...

    async def delete(self, plan_id: str, entry: AuditEntry) -> None:
        """Forget a plan. Raises `PlanNotFound`, and `PlanInUse` where it has tenants."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where plans cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class ApiKeyStore(Protocol):
    """Keeps the keys, without their secrets. The operator's keys are those of tenant None."""

    async def add(
        self, key: StoredKey, entry: AuditEntry, *, replaces: tuple[str, datetime] | None = None
    ) -> None:
        """Keep a key, and let the one that it replaces end at the given time at the latest.

        Raises `NoSuchTenant`.
        """
        ...

    async def find(self, tenant_id: str | None, key_id: str) -> ApiKey | None:
        """The tenant's key, revoked or not, or None."""
        ...

    async def page(
        self, tenant_id: str | None, limit: int, after: tuple[int, str] | None
    ) -> Sequence[ApiKey]:
        """Up to `limit` keys, oldest first, after the one of this time (Unix ms) and id."""
        ...

    async def revoke(
        self, tenant_id: str | None, key_id: str, at: datetime, entry: AuditEntry
    ) -> None:
        """Mark a key as revoked; one revoked before keeps its time. Raises `NoSuchKey`."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where keys cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class AuditLog(Protocol):
    """Keeps what was administered, by whom and when."""

    async def add(self, entry: AuditEntry) -> None:
        """Keep an entry of an act whose effect lies elsewhere."""
        ...

    async def page(
        self, tenant_id: str | None, limit: int, before: tuple[int, str] | None
    ) -> Sequence[AuditEntry]:
        """Up to `limit` entries, newest first, of all tenants for None.

        They are older than the entry of the time (Unix ms) and id `before`.
        """
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where the log cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the log holds."""
        ...


class UsageStore(Protocol):
    """Keeps what tenants used, by day, endpoint and currency."""

    async def add(self, batch: UsageBatch) -> None:
        """Add the batch to what is stored, once however often it is given."""
        ...

    async def requests_since(self, tenant_id: str, day: date) -> int:
        """The tenant's requests from `day` on."""
        ...

    async def counts(
        self, first: date, last: date, tenant_id: str | None
    ) -> Sequence[tuple[date, str, UsageCount]]:
        """(day, tenant id, count) from `first` to `last`, oldest first; of all for None."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where usage cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class IdempotencyStore(Protocol):
    """Keeps the answers of writes under the keys that callers chose."""

    async def begin(self, attempt: Attempt, now: datetime) -> Begun:
        """Take the key for the attempt, or say who has it; forgets what is over its time."""
        ...

    async def renew(self, attempt: Attempt, until: datetime) -> None:
        """Hold the key on, where the attempt still has it."""
        ...

    async def keep(self, attempt: Attempt, answer: KeptAnswer, until: datetime) -> None:
        """Keep the attempt's answer until its time, where the attempt still has the key."""
        ...

    async def release(self, attempt: Attempt) -> None:
        """Free the key, where the attempt still has it."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where answers cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...
