"""Cuts text files into records, a block of bytes at a time, from any record on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from data_pipeline.extract.faults import (
    BOM,
    BYTE_ORDER_MARK,
    INVALID_UTF8,
    MAX_ROW_BYTES,
    ROW_TOO_LONG,
)
from data_pipeline.extract.files.chunks import Limits

_LF: Final = ord("\n")
_CR: Final = ord("\r")
_SKIPPED: Final = 1024 * 1024
_FIRST_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where the records of a block end, each after its line end; the codes of malformed ones."""

    ends: npt.NDArray[np.int64]
    malformed: Mapping[int, str] = field(default_factory=dict[int, str])


Cutter = Callable[[bytes, bool], Cuts]
"""Cuts a block, which the end of the file follows or not; else its last record may be left out."""


@dataclass(frozen=True, slots=True)
class Records:
    """Records that follow each other in a file: row i is `data[starts[i]:ends[i]]`.

    Line ends and empty lines are none of them. `faults` are the codes of rows that hold nothing
    that can be read. `position` is the byte of the file after them. `unended` says that the file
    ends in the last of them without a line end; `lines_lf` and `lines_crlf` count line ends.
    """

    data: bytes
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    faults: Mapping[int, str]
    position: int
    unended: bool
    lines_lf: int
    lines_crlf: int

    def __len__(self) -> int:
        return len(self.starts)

    def raw(self, row: int) -> bytes:
        """The bytes of a row."""
        return self.data[self.starts[row] : self.ends[row]]


def cut_lines(data: bytes, at_end: bool) -> Cuts:  # noqa: FBT001 - as `Cutter` has it
    """Cut a block into lines."""
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == _LF) + 1
    if at_end and data and (not ends.size or ends[-1] < len(data)):
        ends = np.append(ends, len(data))
    return Cuts(ends)


def read_records(
    file: BinaryIO, end: int, cut: Cutter, position: int, limits: Limits
) -> Records | None:
    """The records of a file of `end` bytes from one on, None at its end.

    They are within the limits, unless a single one is larger.
    """
    size = _expected_size(file, position, limits)
    while position < end:
        file.seek(position)
        data = file.read(size)
        cuts = cut(data, position + len(data) >= end)
        if cuts.ends.size:
            return records_of(data, cuts, position, limits.rows)
        if len(data) > MAX_ROW_BYTES:
            return _overlong(file, data, position)
        size *= 2
    return None


def _expected_size(file: BinaryIO, position: int, limits: Limits) -> int:
    """The bytes that so many rows have, as far as the first lines tell, and a little more."""
    file.seek(position)
    first = file.read(min(limits.size, _FIRST_BYTES))
    lines = first.count(b"\n")
    expected = limits.rows * len(first) * 21 // (20 * lines) if lines else limits.size
    return max(min(limits.size, expected), len(first), 1)


def records_of(data: bytes, cuts: Cuts, position: int, rows: int) -> Records:
    """Up to `rows` records of a block that begins at a byte of the file."""
    stops = cuts.ends[:rows]
    starts = np.concatenate(([0], stops[:-1]))
    content = np.frombuffer(data, np.uint8)
    ended = content[stops - 1] == _LF
    ends = stops - ended
    crlf = 0
    if b"\r" in data:
        # A lone carriage return at the end of the file is the first half of a line end.
        returns = (ends > starts) & (content[np.maximum(ends - 1, 0)] == _CR)
        ends = ends - returns
        crlf = int((returns & ended).sum())
    lf = int(ended.sum()) - crlf
    kept = ends > starts
    codes = {row: code for row, code in cuts.malformed.items() if row < len(stops)}
    unended = not ended[-1] and bool(kept[-1])
    if not kept.all():
        places = np.cumsum(kept) - 1
        codes = {int(places[row]): code for row, code in codes.items()}
        starts, ends = starts[kept], ends[kept]
    return Records(data, starts, ends, codes, position + int(stops[-1]), unended, lf, crlf)


def _overlong(file: BinaryIO, data: bytes, position: int) -> Records:
    """One record that is too long, of which just so much is read that it is."""
    place = -1
    end = position + len(data)
    while place < 0 and (more := file.read(_SKIPPED)):
        place = more.find(b"\n")
        end += len(more) if place < 0 else place + 1
    start = np.zeros(1, np.int64)
    return Records(
        data=data[: MAX_ROW_BYTES + 1],
        starts=start,
        ends=start + MAX_ROW_BYTES + 1,
        faults={},
        position=end,
        unended=False,
        lines_lf=0,
        lines_crlf=0,
    )


def text_faults(records: Records) -> dict[int, str]:
    """The codes of the rows that are too long, not UTF-8, or hold a byte order mark."""
    overlong = np.flatnonzero(records.ends - records.starts > MAX_ROW_BYTES).tolist()
    found = dict.fromkeys(overlong, ROW_TOO_LONG)
    if not records.data.isascii():
        marked = dict.fromkeys(_rows_with(records, BOM), BYTE_ORDER_MARK)
        found = {**marked, **dict.fromkeys(_undecodable(records), INVALID_UTF8), **found}
    return {**found, **records.faults}


def _rows_with(records: Records, words: bytes) -> list[int]:
    found: list[int] = []
    place = records.data.find(words)
    while place >= 0:
        row = _row_at(records, place)
        if row >= len(records):
            break
        if place < records.ends[row]:
            found.append(row)
        place = records.data.find(words, int(records.ends[row]))
    return found


def _undecodable(records: Records) -> list[int]:
    data = records.data
    found: list[int] = []
    view = memoryview(data)
    start, end = 0, int(records.ends[-1]) if len(records) else 0
    while start < end:
        try:
            str(view[start:end], "utf-8")
        except UnicodeDecodeError as error:
            row = _row_at(records, start + error.start)
            found.append(row)
            start = int(records.ends[row])
        else:
            break
    return found


def _row_at(records: Records, place: int) -> int:
    """The row that holds a byte or begins after it."""
    return int(np.searchsorted(records.ends, place, side="right"))
