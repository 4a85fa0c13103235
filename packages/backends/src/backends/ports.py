"""The ports: what a service needs of the outside. Each has `ping` and `close`.

`ping` raises `PortUnavailable` where the thing behind the port cannot be used; readiness is
made of the pings. `embedded` implements the ports with files and memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


AttributeValue = bool | int | float | str | list[str]


@dataclass(frozen=True, slots=True)
class ItemContent:
    """One item of the catalogue; `sequence` grows with each change of the tenant's catalogue.

    `location` is latitude and longitude in degrees. An item that was removed comes once more,
    with `removed` set and without content.
    """

    sequence: int
    item_id: str
    title: str | None
    categories: tuple[str, ...]
    year: int | None
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict[str, AttributeValue])
    location: tuple[float, float] | None = None
    available: bool = True
    removed: bool = False


@dataclass(frozen=True, slots=True)
class HistoryCorrection:
    """A user's history as it must be from now on, after a merge, a deletion or an erasure.

    `events` are the user's newest, oldest first; none removes the user. Of an erased one nothing
    of before may be left to read on any disk.
    """

    tenant_id: str
    user_id: str
    events: Sequence[UserEvent]
    erased: bool = False


@dataclass(frozen=True, slots=True)
class ItemCountCorrection:
    """How many events an item has, after some went away or came to count."""

    tenant_id: str
    item_id: str
    events: int


@dataclass(frozen=True, slots=True)
class EventWeights:
    """The weight of each of a tenant's event types; an event of weight 0 is no history."""

    tenant_id: str
    weights: Mapping[str, float]


Correction = HistoryCorrection | ItemCountCorrection | EventWeights


@dataclass(frozen=True, slots=True)
class Positions:
    """How far the feature store has followed the event log, the catalogue and the corrections."""

    events: int
    items: int
    corrections: int


class FeatureReader(Protocol):
    """What ml-engine reads for serving. Tenants never see each other's features."""

    async def history(self, tenant_id: str, user_id: str) -> Sequence[UserEvent]:
        """The user's recent events, oldest first; empty where there are none."""
        ...

    async def items_after(self, tenant_id: str, sequence: int) -> Sequence[ItemContent]:
        """The tenant's items changed after `sequence`, in the order of their change.

        Some thousands of them at once at most: the reader asks again until there are none.
        """
        ...

    async def item_counts(self, tenant_id: str) -> dict[str, int]:
        """How many events each item of the tenant has."""
        ...

    async def event_weights(self, tenant_id: str) -> Mapping[str, float]:
        """The weight of each of the tenant's event types; empty where all are the standard ones."""
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
        """Replace or remove (tenant id, item) pairs and move to `position`: both or neither."""
        ...

    async def correct(self, corrections: Sequence[Correction], position: int) -> None:
        """Apply corrections in their order and move to `position`: both or neither.

        They are on disk when it returns.
        """
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


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a token bucket answered; `remaining` are whole tokens, times are seconds.

    `retry_after` is 0 where the token was given; after `full_after` the bucket is full again.
    """

    allowed: bool
    remaining: int
    retry_after: float
    full_after: float


class RateLimiter(Protocol):
    """Token buckets, each full at its first use."""

    async def take(self, bucket: str, per_second: float, burst: int) -> Allowance:
        """Take one token of a bucket of `burst` tokens, refilled at `per_second`, if it has one."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where buckets cannot be reached."""
        ...

    async def close(self) -> None:
        """Release what the limiter holds."""
        ...
