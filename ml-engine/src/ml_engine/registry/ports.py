"""What the registry needs of the outside beside the object store."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

WAYS_BACK: Final = 2
"""The version that serves, and the one that a roll-back lets serve."""


class ServingChange(NamedTuple):
    """Which version serves a tenant since the change `sequence`; later changes have higher ones."""

    sequence: int
    tenant_id: str
    version: str


class ServingStore(Protocol):
    """Keeps which versions served each tenant, for all replicas."""

    async def history(self, tenant_id: str) -> Sequence[str]:
        """The versions that served, the one that serves first; none before the first."""
        ...

    async def replace(self, tenant_id: str, seen: Sequence[str], history: Sequence[str]) -> int:
        """Put `history` in the place of the one that was `seen`; the sequence of the change.

        0, and nothing is changed, where another one is there by now, or its first version leaves.
        """
        ...

    async def changes(self, after: int) -> Sequence[ServingChange]:
        """Of each tenant the last change, where it came after the one with this sequence, in order.

        Whoever asks again after the last one has missed none.
        """
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where it cannot be told which version serves."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...


class Mark(StrEnum):
    """What is said of a version beside whether it serves."""

    PINNED = "pinned"
    """It stays, however many newer ones there are."""
    LEAVING = "leaving"
    """It is being removed, and counts as gone already."""


class MarkedVersion(NamedTuple):
    """A version with its mark; a version has one mark at most."""

    tenant_id: str
    version: str
    mark: Mark


class VersionMarks(Protocol):
    """Keeps which versions are pinned and which leave, for all replicas."""

    async def marked(self, tenant_id: str | None = None) -> Sequence[MarkedVersion]:
        """The marked versions of a tenant, or of all tenants."""
        ...

    async def pin(self, tenant_id: str, version: str) -> bool:
        """Mark a version as pinned; False where it leaves."""
        ...

    async def let_leave(self, tenant_id: str, version: str) -> bool:
        """Mark a version as leaving, and let no roll-back come to it: it can never serve again.

        False, and nothing is changed, where it serves, served just before, is pinned or leaves.
        """
        ...

    async def unmark(self, tenant_id: str, version: str, mark: Mark) -> None:
        """Take this mark from a version, if it has it."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where marks cannot be kept."""
        ...

    async def close(self) -> None:
        """Release what the store holds."""
        ...
