"""The ports: what a service needs of the outside. Each has `ping` and `close`.

`ping` raises `PortUnavailable` where the thing behind the port cannot be used; readiness is
made of the pings. `embedded` implements the ports with files and memory.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    # Only those who write features need it.
    import pyarrow as pa


class PortUnavailable(Exception):
    """The thing behind a port cannot be used now; the message says what and why."""


class FeaturesBegun(PortUnavailable):
    """Another replica begins the features anew: they can be followed in a moment."""


class FeaturesMoved(PortUnavailable):
    """The features do not stand where an update begins: read again from where they stand."""


class UserEvent(NamedTuple):
    """One event of a user's history; `timestamp_ms` is Unix time, `sequence` its place in the log.

    Events of a history are in the order of their (timestamp_ms, sequence). Ids and types hold no
    control characters.
    """

    item_id: str
    event_type: str
    timestamp_ms: int
    value: float | None
    sequence: int


AttributeValue = bool | int | float | str | list[str]


class UserFeatures(NamedTuple):
    """What is known of a user: the newest events, oldest first, and the attributes."""

    events: Sequence[UserEvent]
    attributes: Mapping[str, AttributeValue]


class ItemCount(NamedTuple):
    """How many events an item has.

    `recent` counts them by age: an event of the tenant's newest day is 1, one of seven days before
    a half, one of fourteen days a quarter; those before the item's newest `COUNTED_DAYS` days with
    events are none of it.
    """

    events: int
    recent: float


COUNTED_DAYS = 32
"""How many days (UTC) with events of an item are counted by themselves, the newest ones."""


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
class UserContent:
    """The profile of one user."""

    user_id: str
    attributes: Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class EventUpdate:
    """Events that one lane of the log has up to `position`, with their tenant ids.

    The batches have the columns sequence (int64), user_id, item_id, event_type (string), timestamp
    (ms, UTC) and value (float64) beside others. Their order does not matter. `after` is the
    position that they follow, where the store is to make sure of it; so with all updates.
    """

    lane: Literal["live", "bulk"]
    batches: "Sequence[tuple[str, pa.RecordBatch]]"
    position: int
    after: int | None = None


@dataclass(frozen=True, slots=True)
class ItemUpdate:
    """Items that were changed or removed up to `position`, with their tenant ids."""

    items: Sequence[tuple[str, ItemContent]]
    position: int
    after: int | None = None


@dataclass(frozen=True, slots=True)
class UserUpdate:
    """Profiles that were changed up to `position`, with their tenant ids."""

    users: Sequence[tuple[str, UserContent]]
    position: int
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Portion:
    """Some of an event update, as its writer prepared it; a position has the last one only."""

    lane: str
    position: int | None


@dataclass(frozen=True, slots=True)
class UserCorrection:
    """A user's features as they must be from now on, after a merge, a deletion or an erasure.

    `events` are the user's newest, in any order; `attributes` those of the profile, if any. None
    of both removes the user. Of an erased one nothing of before may be left to read on any disk.
    """

    tenant_id: str
    user_id: str
    events: Sequence[UserEvent]
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict[str, AttributeValue])
    erased: bool = False


@dataclass(frozen=True, slots=True)
class ItemCountCorrection:
    """How many events an item has, after some went away or came to count.

    `total` is all of them, `days` how many there are on each day (UTC) of their timestamps: at
    least the newest `COUNTED_DAYS` of those that have any. A total of 0 removes the item's count.
    """

    tenant_id: str
    item_id: str
    total: int
    days: Mapping[date, int]


@dataclass(frozen=True, slots=True)
class EventWeights:
    """The weight of each of a tenant's event types; an event of weight 0 is no history."""

    tenant_id: str
    weights: Mapping[str, float]


Correction = UserCorrection | ItemCountCorrection | EventWeights


class Positions(NamedTuple):
    """How far the features have followed: the log's two lanes, the stores, the corrections."""

    live: int = 0
    bulk: int = 0
    items: int = 0
    users: int = 0
    corrections: int = 0


@dataclass(frozen=True, slots=True)
class Filled:
    """The features have all that the logs held, and stand here: readers may read them."""

    positions: Positions


Update = EventUpdate | ItemUpdate | UserUpdate


class FeatureReader(Protocol):
    """What ml-engine reads for serving. Tenants never see each other's features."""

    async def user(self, tenant_id: str, user_id: str) -> UserFeatures:
        """What is known of a user; both parts are empty of one who is not known."""
        ...

    async def items_after(self, tenant_id: str, sequence: int) -> Sequence[ItemContent]:
        """The tenant's items changed after `sequence`, in the order of their change.

        Some thousands of them at once at most: the reader asks again until there are none.
        """
        ...

    async def item_counts(self, tenant_id: str) -> dict[str, ItemCount]:
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
        """How far the features have come; less than before where the store has lost some."""
        ...

    def portions(self, update: EventUpdate) -> AsyncGenerator[Portion]:
        """An update of any size as portions that each take a moment only, to be applied in order.

        The last one brings the counts and the position. Those before it may be applied again and
        need not be followed by the others: a history has each event once, by its sequence.
        """
        ...

    async def apply(self, update: Update | Portion | Filled) -> None:
        """Add events, or replace items or profiles, and move to its position: both or neither.

        Events give the same features in whatever order they come. Raises `FeaturesMoved` where the
        store makes sure of `after`, and stands elsewhere.
        """
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

    async def put(self, key: str, content: bytes | Path) -> None:
        """Write a whole object, given as its bytes or as a file; a reader sees all of it or none.

        A file is not read into memory as a whole.
        """
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


class ObjectFiles(Protocol):
    """Reads objects that are larger than memory should be."""

    async def download(self, key: str, path: Path) -> None:
        """Write a whole object into a file. Raises `KeyError` where there is none."""
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
