"""The ports: what a service needs of the outside. Each has `ping` and `close`.

`ping` raises `PortUnavailable` where the thing behind the port cannot be used; readiness is
made of the pings. `embedded` implements the ports with files and memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class PortUnavailable(Exception):
    """The thing behind a port cannot be used now; the message says what and why."""


@dataclass(frozen=True, slots=True)
class UserEvent:
    """One event as the feature store keeps it; `timestamp_ms` is Unix time."""

    user_id: str
    item_id: str
    event_type: str
    timestamp_ms: int
    value: float | None


@dataclass(frozen=True, slots=True)
class ItemContent:
    """One item of the catalogue; `sequence` grows with each change of the tenant's catalogue."""

    sequence: int
    item_id: str
    title: str | None
    categories: tuple[str, ...]
    year: int | None


@dataclass(frozen=True, slots=True)
class Positions:
    """How far the feature store has followed the event log and the catalogue."""

    events: int
    items: int


class FeatureReader(Protocol):
    """What ml-engine reads for serving. Tenants never see each other's features."""

    async def history(self, tenant_id: str, user_id: str) -> Sequence[UserEvent]:
        """The user's recent events, oldest first; empty where there are none."""
        ...

    async def items_after(self, tenant_id: str, sequence: int) -> Sequence[ItemContent]:
        """The tenant's items changed after `sequence`, in the order of their change."""
        ...

    async def item_counts(self, tenant_id: str) -> dict[str, int]:
        """How many events each item of the tenant has."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where features cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the reader holds."""
        ...


class FeatureWriter(Protocol):
    """What data-pipeline writes for serving; it alone writes."""

    async def positions(self) -> Positions:
        """How far the features have come."""
        ...

    async def apply_events(self, events: Sequence[tuple[str, UserEvent]], position: int) -> None:
        """Add (tenant id, event) pairs and move to `position`: both or neither."""
        ...

    async def apply_items(self, items: Sequence[tuple[str, ItemContent]], position: int) -> None:
        """Replace (tenant id, item) pairs and move to `position`: both or neither."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where features cannot be written."""
        ...

    async def close(self) -> None:
        """Release what the writer holds."""
        ...


class ObjectStore(Protocol):
    """Keeps immutable objects (snapshots, models) under keys such as `models/a/1/report.json`."""

    async def put(self, key: str, content: bytes) -> None:
        """Write a whole object; a reader sees all of it or none."""
        ...

    async def get(self, key: str) -> bytes:
        """A whole object. Raises `KeyError` where there is none."""
        ...

    async def keys(self, prefix: str) -> Sequence[str]:
        """The keys under a prefix that ends in `/`, sorted."""
        ...

    async def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where objects cannot be read and written."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class Cache(Protocol):
    """Keeps values for a while; losing one costs time only."""

    async def get(self, key: str) -> bytes | None:
        """The value, or None where it is absent or over its time."""
        ...

    async def set(self, key: str, value: bytes, ttl_seconds: float) -> None:
        """Keep a value for `ttl_seconds`."""
        ...

    async def delete(self, key: str) -> None:
        """Forget a value."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where the cache does not answer."""
        ...

    async def close(self) -> None:
        """Release what the cache holds."""
        ...
