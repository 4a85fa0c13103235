"""Files on their way to the API, read piece by piece."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import anyio
import httpx2

from contracts.imports import MEDIA_TYPES, FileFormat
from recommender_client.errors import InvalidArguments

CHUNK_BYTES: Final = 1 << 18
Source: TypeAlias = str | Path | bytes | Iterable[bytes] | AsyncIterable[bytes]
"""A path, the bytes of a file, or its pieces as they come."""

_FORMATS: Final = {
    ".jsonl": FileFormat.JSONL,
    ".ndjson": FileFormat.JSONL,
    ".csv": FileFormat.CSV,
    ".parquet": FileFormat.PARQUET,
}


@dataclass(frozen=True, slots=True)
class Upload:
    """The content of a file, never held as a whole unless it was given as a whole."""

    source: Path | bytes | Iterable[bytes] | AsyncIterable[bytes]
    file_format: FileFormat

    @property
    def media_type(self) -> str:
        """The content type of the format."""
        return MEDIA_TYPES[self.file_format]

    @property
    def repeatable(self) -> bool:
        """Whether it can be sent again: a list of pieces can, an iterator cannot."""
        return isinstance(self.source, Path | bytes | list | tuple)

    def chunks(self) -> bytes | httpx2.SyncByteStream:
        """The content, for a sync request."""
        if isinstance(self.source, bytes):
            return self.source
        if isinstance(self.source, AsyncIterable):
            raise InvalidArguments("the sync client takes no async iterator: give a sync one")
        return _Chunks(_read(self.source) if isinstance(self.source, Path) else self.source)

    def async_chunks(self) -> bytes | httpx2.AsyncByteStream:
        """The content, for an async request; files are read outside of the event loop."""
        if isinstance(self.source, bytes):
            return self.source
        if isinstance(self.source, AsyncIterable):
            return _AsyncChunks(self.source)
        if isinstance(self.source, Path):
            return _AsyncChunks(_read_async(self.source))
        return _AsyncChunks(_as_async(self.source))


def upload_of(source: Source, file_format: FileFormat | None) -> Upload:
    """A file to send; a path's suffix says the format where it is not given.

    Raises:
        InvalidArguments: there is no such file, or no way to know its format.
    """
    if isinstance(source, str):
        source = Path(source)
    if isinstance(source, Path):
        if not source.is_file():
            raise InvalidArguments(f"there is no file {source}")
        file_format = file_format or _FORMATS.get(source.suffix.lower())
    if file_format is None:
        raise InvalidArguments("say the file's format: file_format=FileFormat.JSONL, for example")
    return Upload(source, file_format)


class _Chunks(httpx2.SyncByteStream):
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks


class _AsyncChunks(httpx2.AsyncByteStream):
    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            yield chunk


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


async def _read_async(path: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while chunk := await file.read(CHUNK_BYTES):
            yield chunk


async def _as_async(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
