"""The books: what became of every record that came in."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from contracts.imports import DataType
from data_pipeline.domain.deliveries import Counts, Delivery, Rejected, Source


class Account(NamedTuple):
    """What became of the records of one tenant, source and type that arrived on one day (UTC)."""

    tenant_id: str
    source: Source
    data_type: DataType
    day: date
    counts: Counts


class Imbalance(NamedTuple):
    """Books that do not agree: what was counted here, and what is there."""

    tenant_id: str
    what: str
    expected: int
    found: int

    def __str__(self) -> str:
        return (
            f"{self.tenant_id}: {self.what}: {self.expected} by the books, {self.found} by a count"
        )


class BooksDiffer(Exception):
    """The books do not agree; the message says where."""


class Ledger(Protocol):
    """Counts of what came in, written in the transaction that stores the records."""

    async def record(self, delivery: Delivery, received_at_ms: int, counts: Counts) -> None:
        """Add to the account of the delivery's tenant, source, type and day of arrival.

        What a replay brought is added there too: as much less in quarantine.
        """
        ...

    async def accounts(self, tenant_id: str, first: date, last: date) -> Sequence[Account]:
        """A tenant's accounts of some days, both included, by day, source and type."""
        ...

    async def imbalances(self, tenant_id: str | None = None) -> Sequence[Imbalance]:
        """Where the books do not agree with themselves, with the log or with the quarantine.

        Those of a tenant, or of all.
        """
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where the books cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the ledger holds."""
        ...


MAX_RAW_BYTES: Final = 64 * 1024
"""Bytes that the quarantine keeps of a record: more than a valid one needs."""


class QuarantineEntry(NamedTuple):
    """A record that could not be loaded; times are Unix milliseconds.

    Of a record beyond `MAX_RAW_BYTES` only the beginning is kept, and nothing of one that may not
    be kept: it is `cut`. `form` is that of
    its delivery.
    """

    sequence: int
    tenant_id: str
    data_type: DataType
    source: Source
    origin: str
    place: int
    code: str
    reason: str
    raw: bytes
    received_at_ms: int
    cut: bool = False
    form: str = ""


class QuarantineQuery(NamedTuple):
    """Which entries of a tenant: those of these kinds, newest first below `before`.

    Where `after` is given, those with a higher sequence, oldest first.
    """

    limit: int
    before: int | None = None
    after: int | None = None
    data_type: DataType | None = None
    code: str | None = None
    origin: str | None = None


class Departure(StrEnum):
    """Why an entry left the quarantine."""

    REPLAYED = "replayed"
    DISCARDED = "discarded"
    EXPIRED = "expired"
    ERASED = "erased"


class Quarantine(Protocol):
    """Keeps rejected records with their bytes."""

    async def add(
        self, delivery: Delivery, rejected: Sequence[Rejected], received_at_ms: int
    ) -> None:
        """Keep records, in the transaction that stores the others of their delivery."""
        ...

    async def page(self, tenant_id: str, query: QuarantineQuery) -> Sequence[QuarantineEntry]:
        """Entries in the order of the query."""
        ...

    async def find(self, tenant_id: str, sequences: Sequence[int]) -> Sequence[QuarantineEntry]:
        """Entries by their sequence, those that there are."""
        ...

    async def sizes(self, tenant_id: str | None = None) -> Mapping[str, int]:
        """How many entries a tenant has, or each of all; those without any are left out."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where the quarantine cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the quarantine holds."""
        ...


class QuarantineExits(Protocol):
    """How entries leave the quarantine, or stay for another reason.

    Whoever leaves other than by a replay is counted as gone: the books must still agree.
    """

    async def remove(self, tenant_id: str, sequences: Sequence[int], why: Departure) -> int:
        """Forget entries; how many there were."""
        ...

    async def renew(self, tenant_id: str, reasons: Mapping[int, tuple[str, str]]) -> int:
        """Give entries another code and reason, by their sequence; how many there were."""
        ...

    async def expire(self, before_ms: int, limit: int) -> Mapping[str, int]:
        """Forget up to `limit` entries that arrived before a moment; how many of each tenant."""
        ...

    async def departed(self, tenant_id: str) -> Mapping[Departure, int]:
        """How many entries have left; of the replayed ones the accounts tell."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where the quarantine cannot be changed."""
        ...

    async def close(self) -> None:
        """Release what the quarantine holds."""
        ...


class QuarantinedPeople(Protocol):
    """The entries whose bytes name a user, in whatever field and however damaged."""

    async def of_users(self, tenant_id: str, user_ids: Sequence[str]) -> Sequence[QuarantineEntry]:
        """Entries that name one of these users, oldest first."""
        ...

    async def erase(self, tenant_id: str, user_ids: Sequence[str]) -> int:
        """Forget them; how many there were."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where the quarantine cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the quarantine holds."""
        ...
