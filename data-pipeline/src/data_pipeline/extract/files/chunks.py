"""Chunks of files, and how large they are."""

import threading
from collections.abc import Generator
from typing import Final, NamedTuple

from contracts.imports import DataType
from data_pipeline.domain.imports import BrokenFile, Chunk


class Limits(NamedTuple):
    """Most rows and about how many bytes of a chunk."""

    rows: int
    size: int


COLUMNS: Final = Limits(250_000, 32 * 1024 * 1024)
"""Of chunks that are read as columns."""

OBJECTS: Final = Limits(10_000, 8 * 1024 * 1024)
"""Of chunks whose rows are Python objects."""


def limits(data_type: DataType) -> Limits:
    """How large the chunks of a type of data are."""
    return COLUMNS if data_type is DataType.EVENTS else OBJECTS


class ChunkReader:
    """Reads the chunks of a file.

    Runs in any thread; `close` waits until a `read` in another one has ended.
    """

    def __init__(self, chunks: Generator[Chunk]) -> None:
        self._chunks = chunks
        self._broken: BrokenFile | None = None
        self._lock = threading.Lock()

    def read(self) -> Chunk | None:
        """The next chunk, None after the last.

        Raises:
            BrokenFile: the file cannot be read on from here; the rows before came as chunks.
        """
        with self._lock:
            if self._broken is not None:
                raise self._broken
            try:
                return next(self._chunks, None)
            except BrokenFile as error:
                self._broken = error
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._chunks.close()
