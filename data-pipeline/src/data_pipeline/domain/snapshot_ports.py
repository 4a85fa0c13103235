"""Ports around training snapshots: which were made, and how much came since."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from contracts.snapshots import TrainingData


class MadeSnapshot(NamedTuple):
    """A snapshot and its place in the order in which a tenant's snapshots were made."""

    sequence: int
    snapshot_id: str


class SnapshotBook(Protocol):
    """Which snapshots were made, in the order of their making.

    One that is made again moves to the end of the order.
    """

    async def begin(self, tenant_id: str, snapshot_id: str, keys: Sequence[str]) -> None:
        """Note the objects of a snapshot that is going to be written.

        They are swept, unless `made` follows within an hour.
        """
        ...

    async def made(
        self,
        tenant_id: str,
        snapshot_id: str,
        keys: Sequence[str],
        events_stored: int,
        made_at_ms: int,
    ) -> bool:
        """Take a snapshot for written; False where it was removed while it was being written.

        `events_stored` is what `TrainingCounts.stored` was before its events were read.
        """
        ...

    async def page(self, tenant_id: str, before: int | None, limit: int) -> Sequence[MadeSnapshot]:
        """Snapshots that were not removed, last made first; those before a sequence."""
        ...

    async def remove(self, tenant_id: str, snapshot_ids: Sequence[str]) -> None:
        """Note that snapshots are going to be removed."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where the book cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the book holds."""
        ...


class TrainingCounts(Protocol):
    """How many events there are to train from; answered without looking at them."""

    async def stored(self, tenant_id: str) -> int:
        """How many events were ever stored of a tenant, those that were removed since included."""
        ...

    async def counts(self, tenant_id: str) -> TrainingData:
        """How many events there are, and how many came since the last snapshot was made."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where nothing can be counted."""
        ...

    async def close(self) -> None:
        """Release what is held."""
        ...
