"""ObjectStore over obstore: `file:///folder` today, any URL that obstore knows by its setting."""

import asyncio
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import ObjectStore as Store
from obstore.store import from_url

from backends.ports import PortUnavailable

if TYPE_CHECKING:
    # At run time obstore has no such names.
    from obstore import store

PART_BYTES: Final = 4 * 1024 * 1024
"""How much of an object is in memory while it becomes a file."""

RETRIES: Final["store.RetryConfig"] = {
    "max_retries": 5,
    "retry_timeout": timedelta(seconds=5),
    "backoff": {
        "init_backoff": timedelta(seconds=0.1),
        "max_backoff": timedelta(seconds=1),
        "base": 2,
    },
}
"""For a hiccup. A store that is away is for the caller to know soon: obstore's own is 3 minutes."""


class UrlObjectStore:
    """Objects under a URL. obstore writes a local file beside its name and then renames it."""

    def __init__(self, url: str) -> None:
        self._folder: Path | None = None
        if url.startswith("file://"):
            self._folder = Path(unquote(urlsplit(url).path))
            self._folder.mkdir(parents=True, exist_ok=True)
        self._store: Store = from_url(url, retry_config=RETRIES)
        self._url = url

    async def put(self, key: str, content: bytes | Path) -> None:
        """Write a whole object; a large file goes in parts. It outlives a power cut."""
        await self._write(key, content)
        if self._folder is not None:
            try:
                await asyncio.to_thread(_flush, self._folder, key)
            except OSError as error:
                raise PortUnavailable(f"cannot write {key} of {self._url}: {error}") from error

    async def get(self, key: str) -> bytes:
        """A whole object. Raises `KeyError` where there is none."""
        try:
            result = await self._store.get_async(key)
            return bytes(await result.bytes_async())
        except FileNotFoundError as error:
            raise KeyError(key) from error
        except BaseError as error:
            raise self._away("read", key, error) from error

    async def download(self, key: str, path: Path) -> None:
        """Write a whole object into a file. Raises `KeyError` where there is none."""
        try:
            result = await self._store.get_async(key)
            with path.open("wb") as file:
                async for part in result.stream(min_chunk_size=PART_BYTES):
                    await asyncio.to_thread(file.write, part)
        except FileNotFoundError as error:
            raise KeyError(key) from error
        except BaseError as error:
            raise self._away("read", key, error) from error

    async def keys(self, prefix: str) -> Sequence[str]:
        """The keys under a prefix, sorted."""
        try:
            chunks = [chunk async for chunk in self._store.list(prefix)]
        except BaseError as error:
            raise self._away("list", prefix, error) from error
        return sorted(entry["path"] for chunk in chunks for entry in chunk)

    async def delete(self, key: str) -> None:
        """Remove an object."""
        try:
            await self._store.delete_async(key)
        except FileNotFoundError:
            return
        except BaseError as error:
            raise self._away("delete", key, error) from error

    async def ping(self) -> None:
        """Write and remove a small object."""
        await self._write("ping", b"")
        await self.delete("ping")

    async def close(self) -> None:
        """Nothing is held open."""

    async def _write(self, key: str, content: bytes | Path) -> None:
        try:
            await self._store.put_async(key, content)
        except BaseError as error:
            raise self._away("write", key, error) from error

    def _away(self, doing: str, key: str, error: BaseError) -> PortUnavailable:
        # What follows the first line is for who debugs obstore.
        reason = str(error).partition("\n")[0]
        return PortUnavailable(f"cannot {doing} {key} of {self._url}: {reason}")


def _flush(folder: Path, key: str) -> None:
    """Bring a file and the names that lead to it to the disk; obstore leaves that to the system."""
    path = folder / key
    for place in (path, *path.parents):
        try:
            descriptor = os.open(place, os.O_RDONLY)
        except FileNotFoundError:
            return  # it was removed meanwhile
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if place == folder:
            return
