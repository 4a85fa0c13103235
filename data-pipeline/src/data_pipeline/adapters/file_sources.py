"""FileSources over obstore: `s3://` buckets and local folders that the operator allows."""

import asyncio
import io
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

import obstore
import pyarrow as pa
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from backends.object_store import RETRIES
from data_pipeline.domain.imports import SourceFailed, SourceNotAllowed

BLOCK: Final = 1024 * 1024
_CODECS: Final = {".gz": "gzip", ".zst": "zstd"}
_ENCODINGS: Final = {"gzip": "gzip", "x-gzip": "gzip", "zstd": "zstd"}
_TENANT: Final = "{tenant}"
"""Stands for the tenant's id in what the operator allows."""


class ObjectSources:
    """Files of allowed buckets and of a folder; none are allowed where neither is given.

    `buckets` are names of buckets, or names with a prefix of keys behind a slash. `max_bytes`
    bounds a file without its compression.
    """

    def __init__(self, buckets: Sequence[str], folder: str | None, max_bytes: int) -> None:
        self._buckets = buckets
        self._folder = folder
        self._max_bytes = max_bytes

    def check(self, tenant_id: str, url: str) -> None:
        """Compare the URL with what is allowed."""
        self._place(tenant_id, url)

    async def read(self, tenant_id: str, url: str) -> AsyncGenerator[bytes]:
        """Read a file block by block in a thread."""
        bucket, key = self._place(tenant_id, url)
        try:
            file = await asyncio.to_thread(_open, bucket, key)
            size = 0
            while block := await asyncio.to_thread(file.read, BLOCK):
                size += len(block)
                if size > self._max_bytes:
                    raise SourceFailed(f"the file has more than {self._max_bytes} bytes: split it")
                yield block
        except FileNotFoundError:
            raise SourceFailed("there is no such file at the source") from None
        except (BaseError, OSError, pa.ArrowException) as error:
            reason = str(error).partition("\n")[0][:200]
            raise SourceFailed(f"the file cannot be read at its source: {reason}") from error

    async def ping(self) -> None:
        """Whether a source answers is known when it is read."""

    async def close(self) -> None:
        """Nothing is held open."""

    def _place(self, tenant_id: str, url: str) -> tuple[str, str]:
        """The URL of the bucket or folder, and the key of the file there."""
        parts = urlsplit(url)
        key = unquote(parts.path).lstrip("/")
        if ".." in PurePosixPath(key).parts or parts.query or parts.fragment:
            raise SourceNotAllowed("the URL of a file has no `..`, no `?` and no `#`")
        if parts.scheme == "s3":
            return self._in_bucket(tenant_id, parts.netloc, key)
        if parts.scheme == "file" and not parts.netloc:
            return self._in_folder(tenant_id, Path("/") / key)
        raise SourceNotAllowed("a file can be fetched by s3://bucket/key or file:///folder/name")

    def _in_bucket(self, tenant_id: str, bucket: str, key: str) -> tuple[str, str]:
        for allowed in self._buckets:
            name, _, prefix = allowed.replace(_TENANT, tenant_id).partition("/")
            if bucket == name and key and key.startswith(prefix):
                return f"s3://{bucket}", key
        raise SourceNotAllowed(
            "the operator allows no import from this place: IMPORT_BUCKETS says from which"
        )

    def _in_folder(self, tenant_id: str, path: Path) -> tuple[str, str]:
        if self._folder is None:
            raise SourceNotAllowed(
                "the operator allows no import of local files: IMPORT_FOLDER says from where"
            )
        # Links are followed first: one must not lead out of the folder.
        folder = Path(self._folder.replace(_TENANT, tenant_id)).resolve()
        path = path.resolve()
        if not path.is_relative_to(folder) or path == folder:
            raise SourceNotAllowed("the file is outside of the folder that IMPORT_FOLDER names")
        return folder.as_uri(), str(path.relative_to(folder))


class _ObjectFile(io.RawIOBase):
    """An object as a file, as Arrow takes one."""

    def __init__(self, store: ObjectStore, key: str) -> None:
        self._reader = obstore.open_reader(store, key, buffer_size=BLOCK)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return bytes(self._reader.read(size))


def _open(bucket: str, key: str) -> pa.NativeFile:
    store = _store(bucket)
    file = pa.PythonFile(_ObjectFile(store, key), mode="r")
    codec = _codec(store, key)
    return file if codec is None else pa.CompressedInputStream(file, codec)


def _store(url: str) -> ObjectStore:
    if url.startswith("file://"):
        return LocalStore(unquote(urlsplit(url).path))
    return from_url(url, retry_config=RETRIES)


def _codec(store: ObjectStore, key: str) -> str | None:
    named = _CODECS.get(PurePosixPath(key).suffix.lower())
    if named is not None:
        return named
    attributes = obstore.get(store, key, options={"head": True}).attributes
    return _ENCODINGS.get(str(attributes.get("Content-Encoding", "")).lower())
