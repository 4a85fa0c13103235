"""What bulk imports need of the outside.

All raise `PortUnavailable` where the thing behind them is locked, full or gone.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
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


class ImportQueue(Protocol):
    """The imports that are not finished, and their progress."""

    async def waiting(self, tenants: int) -> Sequence[Import]:
        """The oldest unfinished import of each tenant, those of up to `tenants`, oldest first."""
        ...

    async def save(self, entry: Import) -> bool:
        """Replace what is known of an unfinished import; False where it has been ended."""
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
    """The files of the imports that are not finished."""

    async def receive(self, import_id: str, content: AsyncIterable[bytes]) -> int:
        """Keep a file, on disk when this returns; its bytes.

        Nothing is left of it where the upload breaks off, whatever its exception.
        """
        ...

    def path(self, import_id: str) -> Path:
        """Where a kept file lies; nothing lies there while it is being received."""
        ...

    async def remove(self, import_id: str) -> None:
        """Remove a file; nothing happens where there is none."""
        ...

    async def keep_only(self, import_ids: Collection[str]) -> None:
        """Remove the files of all other imports, those of broken uploads too."""
        ...

    async def ping(self) -> None:
        """Raise `PortUnavailable` where files cannot be written."""
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
