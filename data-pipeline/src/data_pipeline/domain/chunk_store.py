"""The chunks of the event log as things to be kept in order, whatever is in them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from data_pipeline.domain.deliveries import Lane

CHUNK_ROWS: Final = 500_000
"""How many events a merged chunk has at most."""

SMALL_ROWS: Final = CHUNK_ROWS // 2
"""A chunk of so many events or fewer is small: two of them always fit into one."""

Positions = Callable[[], Awaitable[Mapping[Lane, int]]]
"""Gives the sequences up to which all who follow the lanes have read them."""


class Kind(StrEnum):
    """Small chunks by where their events are: in the row itself, in an object, or either."""

    INLINE = "inline"
    OBJECTS = "objects"
    ALL = "all"


class ChunkGroup(NamedTuple):
    """The small chunks of a tenant, lane and day (UTC, ISO 8601) that can be merged."""

    tenant_id: str
    lane: Lane
    day: str
    inline_chunks: int
    inline_rows: int
    inline_bytes: int
    objects: int


class Merged(NamedTuple):
    """A merge: how many chunks became one, of how many events."""

    chunks: int
    rows: int


class ChunkStore(Protocol):
    """Merges and drops chunks, and removes objects that no chunk names.

    Only chunks that all followers have read are touched: nobody reads an event twice.
    """

    async def groups(self, upto: Mapping[Lane, int]) -> Sequence[ChunkGroup]:
        """All groups of two small chunks or more, up to these sequences."""
        ...

    async def merge(self, group: ChunkGroup, kind: Kind, positions: Positions) -> Merged | None:
        """Make one of the oldest of a group's small chunks; None where others changed them.

        The new one is written before the transaction that puts it in the place of the others.
        """
        ...

    async def drop(self, before: str, upto: Mapping[Lane, int]) -> Mapping[str, int]:
        """Drop the chunks of the days before one; the events that are gone by that, by tenant."""
        ...

    async def sweep(self, now_ms: int) -> int:
        """Remove objects that no chunk has named for an hour; how many."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where chunks cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class RemovedIds(Protocol):
    """The ids of removed events, which may be used again: every index of seen ids forgets them."""

    async def purge(self, before_ms: int) -> int:
        """Delete what was removed before a moment (Unix milliseconds); how many removals."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where they cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...
