"""ObjectStore over obstore: `file:///folder` today, any URL that obstore knows by its setting."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import ObjectStore as Store
from obstore.store import from_url

from backends.ports import PortUnavailable


class UrlObjectStore:
    """Objects under a URL. obstore writes a local file beside its name and then renames it."""

    def __init__(self, url: str) -> None:
        if url.startswith("file://"):
            Path(unquote(urlsplit(url).path)).mkdir(parents=True, exist_ok=True)
        self._store: Store = from_url(url)
        self._url = url

    async def put(self, key: str, content: bytes) -> None:
        """Write a whole object."""
        try:
            await self._store.put_async(key, content)
        except BaseError as error:
            raise PortUnavailable(f"cannot write {key} to {self._url}: {error}") from error

    async def get(self, key: str) -> bytes:
        """A whole object. Raises `KeyError` where there is none."""
        try:
            result = await self._store.get_async(key)
            return bytes(await result.bytes_async())
        except FileNotFoundError as error:
            raise KeyError(key) from error
        except BaseError as error:
            raise PortUnavailable(f"cannot read {key} from {self._url}: {error}") from error

    async def keys(self, prefix: str) -> Sequence[str]:
        """The keys under a prefix, sorted."""
        try:
            chunks = [chunk async for chunk in self._store.list(prefix)]
        except BaseError as error:
            raise PortUnavailable(f"cannot list {prefix} in {self._url}: {error}") from error
        return sorted(entry["path"] for chunk in chunks for entry in chunk)

    async def delete(self, key: str) -> None:
        """Remove an object."""
        try:
            await self._store.delete_async(key)
        except FileNotFoundError:
            return
        except BaseError as error:
            raise PortUnavailable(f"cannot delete {key} in {self._url}: {error}") from error

    async def ping(self) -> None:
        """Write and remove a small object."""
        await self.put("ping", b"")
        await self.delete("ping")

    async def close(self) -> None:
        """Nothing is held open."""
