"""Gathers rows into chunks of a bounded size."""

import threading
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from contracts.events import RejectedRecord
from data_pipeline.domain.imports import BrokenFile, Chunk

CHUNK_ROWS: Final = 10_000
CHUNK_BYTES: Final = 8 * 1024 * 1024
"""Where rows are wide, a chunk ends after the row that makes it this large."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that holds no record: a code for programs and a sentence for people."""

    code: str
    reason: str


class Blank:
    """A line with nothing on it: no row, but one more line that was read."""


BLANK: Final = Blank()


class Row(NamedTuple):
    """A record as it came, a `Fault` or `BLANK`; its bytes, and the position after it."""

    content: Any
    size: int
    position: int


class ChunkReader:
    """Reads chunks off an iterator of rows; `end` is the position at the end of the file.

    Runs in any thread; `close` waits until a `read` in another one has ended.
    """

    def __init__(self, rows: Generator[Row], end: int) -> None:
        self._rows = rows
        self._end = max(end, 1)
        self._broken: BrokenFile | None = None
        self._lock = threading.Lock()

    def read(self) -> Chunk | None:
        """The next chunk, None after the last.

        Raises:
            BrokenFile: the file cannot be read on from here; the rows before came as chunks.
        """
        with self._lock:
            return self._read()

    def _read(self) -> Chunk | None:
        if self._broken is not None:
            raise self._broken
        records: list[Any] = []
        indexes: list[int] = []
        rejected: list[RejectedRecord] = []
        lines = size = count = position = 0
        try:
            for content, row_size, position in self._rows:  # noqa: B007 - the last one is kept
                if isinstance(content, Fault):
                    fault = RejectedRecord(index=count, code=content.code, reason=content.reason)
                    rejected.append(fault)
                elif content is not BLANK:
                    records.append(content)
                    indexes.append(count)
                count += content is not BLANK
                lines += 1
                size += row_size
                if lines >= CHUNK_ROWS or size >= CHUNK_BYTES:
                    break
        except BrokenFile as error:
            if lines == 0:
                raise
            self._broken = error
        if lines == 0:
            return None
        return Chunk(count, records, indexes, rejected, position, min(1.0, position / self._end))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._rows.close()
