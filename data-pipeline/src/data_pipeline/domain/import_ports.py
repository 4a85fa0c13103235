"""What bulk imports need of the outside.

All raise `PortUnavailable` where the thing behind them is locked, full or gone.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from contracts.imports import ImportJob
from data_pipeline.domain.imports import Import


class ImportBook(Protocol):
    """Every import of every tenant, over restarts."""

    async def add(self, entry: Import, limit: int) -> bool:
        """Add a queued import, unless its tenant has `limit` unfinished ones."""
        ...

    async def find(self, tenant_id: str, import_id: str) -> Import | None:
        """One import of the tenant."""
        ...

    async def page(self, tenant_id: str, before: str | None, limit: int) -> Sequence[ImportJob]:
        """The tenant's imports, newest first; with `before`, those older than that one."""
        ...

    async def unfinished(self, tenant_id: str | None = None) -> Sequence[str]:
        """The ids of the imports that are queued or running, oldest first."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where imports cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the book holds."""
        ...


@dataclass(frozen=True, slots=True)
class OpenImport:
    """An unfinished import, as one look shows it.

    `holder` is the replica that has claimed it, and `renewals` grows with each of its signs of
    life.
    """

    entry: Import
    holder: str | None
    renewals: int

    @property
    def claim_id(self) -> str:
        """The import is what is claimed."""
        return self.entry.job.import_id


class ImportClaims(Protocol):
    """Which replica takes in which import: each by one at a time, who alone writes how it goes."""

    async def waiting(self, tenants: int) -> Sequence[OpenImport]:
        """The oldest unfinished import of each tenant, oldest first.

        All that are held, and up to `tenants` of those that are not.
        """
        ...

    async def claim(self, seen: OpenImport, holder: str) -> bool:
        """Hold an import from now on.

        False, and nothing is changed, where anything has happened to the claim since it was `seen`.
        """
        ...

    async def renew(self, holder: str) -> None:
        """Give a sign of life for all that a replica holds."""
        ...

    async def release(self, holder: str) -> None:
        """Let others have all that a replica holds."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where imports cannot be claimed."""
        ...

    async def close(self) -> None:
        """Release what the claims hold."""
        ...


class ImportQueue(Protocol):
    """The imports that are not finished, and their progress."""

    async def save(self, entry: Import, holder: str) -> bool:
        """Replace what is known of an import; False where it was ended or is not the holder's."""
        ...

    async def change(
        self, tenant_id: str, import_id: str, change: Callable[[Import], Import]
    ) -> Import | None:
        """Replace an import by what `change` makes of it, whoever holds it, in one transaction.

        None where there is none. Whatever `change` raises leaves everything as it was.
        """
        ...

    def together(self) -> AbstractAsyncContextManager[None]:
        """A block whose effects on the stores of this database happen together or not at all."""
        ...

    async def purge(self, before_ms: int) -> int:
        """Forget the imports finished before a moment; how many."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where progress cannot be saved."""
        ...

    async def close(self) -> None:
        """Release what the queue holds."""
        ...


class ErasedUsers(Protocol):
    """Who was erased, and when, for as long as a file from before might bring them back.

    An import must not bring a user back whose erasure was asked for after its upload had begun.
    An erasure waits for no import and cancels none: it marks the user, by a hash, in the same
    transaction in which the user's events go away, or before. Each chunk of an import leaves out
    the users marked since its upload began, and looks once more after its records were stored, in
    the same transaction: so a chunk is stored before the erasure, which removes it, or it sees the
    mark and is done again.
    """

    async def mark(self, tenant_id: str, user_ids: Collection[str], erased_at_ms: int) -> None:
        """Remember that users were erased."""
        ...

    async def marks(self, tenant_id: str, since_ms: int) -> frozenset[str]:
        """The `erasure_mark` of each user who was erased at `since_ms` or later."""
        ...

    async def purge(self, before_ms: int) -> int:
        """Forget the marks that are older than a moment and than each unfinished import."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where marks cannot be read."""
        ...

    async def close(self) -> None:
        """Release what the marks hold."""
        ...


class Spool(Protocol):
    """The files of the imports that are not finished, for all replicas."""

    async def receive(self, import_id: str, content: AsyncIterable[bytes]) -> int:
        """Keep a file, as a whole when this returns; its bytes.

        Nothing is left of it where the upload breaks off, whatever its exception.
        """
        ...

    async def copy(self, import_id: str, path: Path) -> None:
        """Write a kept file to a place of the caller's. Raises `KeyError` where there is none."""
        ...

    async def kept(self) -> Sequence[str]:
        """The ids of the imports whose files are kept; a file that is being received is not."""
        ...

    async def remove(self, import_id: str) -> None:
        """Remove a file; nothing happens where there is none."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where files cannot be received."""
        ...

    async def close(self) -> None:
        """Nothing is held open."""
        ...


class FileSources(Protocol):
    """Files that imports fetch by their URL."""

    def check(self, tenant_id: str, url: str) -> None:
        """Raise `SourceNotAllowed` where the tenant may not have the service fetch the file."""
        ...

    def read(self, tenant_id: str, url: str) -> AsyncGenerator[bytes]:
        """The content of a file, piece by piece, without its compression.

        Raises `SourceNotAllowed`, and `SourceFailed` where the file cannot be had, is too large
        or is no compressed file in spite of its name.
        """
        ...

    async def ping(self) -> None:
        """Nothing is held open: whether a source answers is known when it is read."""
        ...

    async def close(self) -> None:
        """Nothing is held open."""
        ...
