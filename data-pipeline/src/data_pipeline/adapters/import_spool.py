"""Spool in the object store that the replicas share."""

import asyncio
import os
from collections.abc import AsyncIterable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import BinaryIO, Final

from backends.ports import PortUnavailable
from backends.snapshots import SnapshotObjects

BLOCK: Final = 1024 * 1024
"""Bytes gathered before they are written: each write is a hop to a thread."""

UPLOADS: Final = "imports/"
"""What the keys of uploaded files begin with."""


class ObjectSpool:
    """An object per import, named by its id.

    A file is gathered in `folder`, which is for the service's own account alone, and becomes an
    object once it is whole; whatever is in the folder at the start is removed.
    """

    def __init__(self, objects: SnapshotObjects, folder: Path) -> None:
        rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        self._objects = objects
        self._folder = folder

    async def receive(self, import_id: str, content: AsyncIterable[bytes]) -> int:
        """Write the file as it comes, never more than a block in memory, then its object."""
        path = self._folder / import_id
        try:
            with _available():
                with path.open("wb") as file:
                    size = await _write(file, content)
                await self._objects.put(UPLOADS + import_id, path)
        finally:
            path.unlink(missing_ok=True)
        return size

    async def copy(self, import_id: str, path: Path) -> None:
        """Write the object into a file."""
        with _available():
            await self._objects.download(UPLOADS + import_id, path)

    async def kept(self) -> Sequence[str]:
        """List the objects."""
        return [key.removeprefix(UPLOADS) for key in await self._objects.keys(UPLOADS)]

    async def remove(self, import_id: str) -> None:
        """Remove the object."""
        await self._objects.delete(UPLOADS + import_id)

    async def ping(self) -> None:
        """Look whether files can be made in the folder."""
        if not await asyncio.to_thread(os.access, self._folder, os.W_OK | os.X_OK):
            raise PortUnavailable("the folder of uploaded files cannot be written to")

    async def close(self) -> None:
        """Nothing is held open."""


async def _write(file: BinaryIO, content: AsyncIterable[bytes]) -> int:
    size, block = 0, bytearray()
    async for chunk in content:
        block += chunk
        if len(block) >= BLOCK:
            size += await asyncio.to_thread(file.write, block)
            block = bytearray()
    return size + await asyncio.to_thread(file.write, block)


@contextmanager
def _available() -> Generator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PortUnavailable(f"the folder of uploaded files cannot be used: {reason}") from error
