"""Events that come as messages of a stream of partitions, such as a topic of Kafka."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Partition(NamedTuple):
    """A part of a topic, within which messages have an order."""

    topic: str
    number: int

    def __str__(self) -> str:
        """As the origin of what came from there."""
        return f"{self.topic}/{self.number}"


@dataclass(frozen=True, slots=True)
class Fetched:
    """The next messages of a partition, one at least: as columns, by their offsets.

    `tenant_ids` are their headers of that name, `traceparents` the distinct ones of that name.
    `next_offset` is the place after them.
    """

    partition: Partition
    offsets: Sequence[int]
    values: Sequence[bytes | None]
    tenant_ids: Sequence[bytes | None]
    traceparents: Sequence[bytes]
    next_offset: int


@dataclass(frozen=True, slots=True)
class Received:
    """What a look at the stream gave.

    `assigned` are the partitions that are this consumer's from now on, None where that has not
    changed: then nothing comes of any before `EventStream.read`. `errors` are what went wrong on
    the way.
    """

    fetched: Sequence[Fetched] = ()
    assigned: Sequence[Partition] | None = None
    errors: Sequence[str] = ()


class StalePosition(Exception):
    """Another consumer has moved on from where this one stood: its messages are not ours."""


class ShutOut(Exception):
    """The stream lets this consumer read no more; the message says why and what helps."""


class EventStream(Protocol):
    """A member of a group of consumers, who share the partitions of a topic."""

    async def receive(self) -> Received:
        """What came within half a second, up to some thousand messages. May raise `ShutOut`."""
        ...

    async def read(self, positions: Mapping[Partition, int | None]) -> None:
        """Read these assigned partitions from these offsets, None for their beginning.

        Nothing is read of others; of none, this stays in the group by `receive`.
        """
        ...

    async def ends(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """The offsets after the newest messages, without the partitions where it is not known."""
        ...

    async def acknowledge(self, positions: Mapping[Partition, int]) -> None:
        """Tell the stream how far messages are stored: for those who look, not for us."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where the stream cannot be read."""
        ...

    async def close(self) -> None:
        """Stop reading; the next of this name has the partitions, or the others in a while."""
        ...


class StreamPositions(Protocol):
    """How far the messages of each partition are stored: the one truth of it."""

    async def of(self, partitions: Sequence[Partition]) -> Mapping[Partition, int | None]:
        """The next offset of each partition, None where nothing of it was stored."""
        ...

    async def move(self, partition: Partition, before: int | None, after: int) -> None:
        """Move from one offset to the next, in the transaction that stores the messages.

        Raises `StalePosition` where the position is no longer `before`.
        """
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where positions cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the positions hold."""
        ...
