"""What the registry needs of the outside beside the object store."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


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

        0, and nothing is changed, where another one is there by now.
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
