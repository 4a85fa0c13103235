"""Spool in a local folder."""

import asyncio
import os
from collections.abc import AsyncIterable, Collection, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from backends.ports import PortUnavailable

_PART: Final = ".part"
"""Ends the name of a file that has not come as a whole."""

BLOCK: Final = 1024 * 1024
"""Bytes gathered before they are written: each write is a hop to a thread."""


class FolderSpool:
    """A file per import, named by its id and readable by the service's own account alone."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder

    async def receive(self, import_id: str, content: AsyncIterable[bytes]) -> int:
        """Write the file as it comes, never more than a block in memory."""
        path = self.path(import_id)
        part = path.with_suffix(_PART)
        try:
            with _available():
                # What a fetch left that was cut off is fetched anew.
                part.unlink(missing_ok=True)
                part.touch(0o600, exist_ok=False)
                with part.open("wb") as file:
                    size = await _write(file, content)
                    await asyncio.to_thread(_flush, file)
                part.rename(path)
                await asyncio.to_thread(_flush_folder, self._folder)
        finally:
            part.unlink(missing_ok=True)
        return size

    def path(self, import_id: str) -> Path:
        """Where a kept file lies."""
        return self._folder / import_id

    async def remove(self, import_id: str) -> None:
        """Remove a file."""
        with _available():
            await asyncio.to_thread(self.path(import_id).unlink, missing_ok=True)

    async def keep_only(self, import_ids: Collection[str]) -> None:
        """Remove all other files."""

        def sweep() -> None:
            for path in self._folder.iterdir():
                if path.name not in import_ids:
                    path.unlink(missing_ok=True)

        with _available():
            await asyncio.to_thread(sweep)

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


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    # Else a power cut might take the name of a file that was acknowledged.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _available() -> Generator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PortUnavailable(f"the folder of uploaded files cannot be used: {reason}") from error
