"""What backend-api needs of the outside.

`ping` raises where the thing behind the port cannot be used; readiness is made of the pings.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from backend_api.domain.keys import ApiKey
from backend_api.domain.tenants import Tenant
from contracts.events import BatchResult
from contracts.recommendations import RecommendationQuery, Recommendations


class TenantStore(Protocol):
    """Keeps the tenants."""

    async def add(self, tenant: Tenant) -> None:
        """Keep a tenant. Raises `TenantExists`."""
        ...

    async def find(self, tenant_id: str) -> Tenant | None:
        """The tenant, or None."""
        ...

    async def all(self) -> Sequence[Tenant]:
        """Every tenant, by its id."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where tenants cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class ApiKeyStore(Protocol):
    """Keeps the keys, without their secrets."""

    async def add(self, key: ApiKey) -> None:
        """Keep a key. Raises `NoSuchTenant`."""
        ...

    async def find(self, key_id: str) -> ApiKey | None:
        """The key, revoked or not, or None."""
        ...

    async def of_tenant(self, tenant_id: str) -> Sequence[ApiKey]:
        """The tenant's keys, revoked ones too, oldest first."""
        ...

    async def revoke(self, key_id: str, at: datetime) -> None:
        """Mark a key as revoked; one revoked before keeps its time. Raises `NoSuchKey`."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where keys cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class Recommender(Protocol):
    """Makes recommendations: ml-engine.

    Raises `RefusedByService` for what the caller can change, else `DependencyUnavailable`.
    """

    async def recommend(self, tenant_id: str, query: RecommendationQuery) -> Recommendations:
        """Ranked items for a user, a history or an item."""
        ...

    async def ping(self) -> None:
        """Raise `DependencyUnavailable` where nothing answers."""
        ...

    async def close(self) -> None:
        """Release the connections."""
        ...


class EventIntake(Protocol):
    """Stores events: data-pipeline.

    Raises `RefusedByService` for what the caller can change, else `DependencyUnavailable`.
    """

    async def send(self, tenant_id: str, batch: bytes) -> BatchResult:
        """Store a batch of events, given as its JSON; what became of each record."""
        ...

    async def ping(self) -> None:
        """Raise `DependencyUnavailable` where nothing answers."""
        ...

    async def close(self) -> None:
        """Release the connections."""
        ...
