"""Cuts CSV (RFC 4180) into records: at the line ends that stand outside of quotes."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from data_pipeline.extract.faults import INVALID_QUOTES, MAX_ROW_BYTES, STRAY_CARRIAGE_RETURN
from data_pipeline.extract.files.records import Cuts, cut_lines

_QUOTED: Final = rb'"(?:[^"]++|"")*+"'
_RECORD: Final = re.compile(
    rb'(?:%b|(?!")[^,\n]*+)(?:,(?:%b|(?!")[^,\n]*+))*+\r?' % (_QUOTED, _QUOTED)
)
_WITHOUT_RETURNS: Final = re.compile(
    rb'(?:%b|(?!")[^,\r\n]*+)(?:,(?:%b|(?!")[^,\r\n]*+))*+(?:\r?\n|\r)?' % (_QUOTED, _QUOTED)
)
_COMMA, _LF, _CR, _QUOTE = b',\n\r"'
_NEVER: Final = 2**63 - 1

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CsvCutter:
    """Cuts blocks of CSV of so many columns, of any number where that is 0.

    Quotes are counted: a line end after an even number of them is outside. Where a quote stands
    where none may, this says nothing, and the rest of the block is read record by record. A
    record whose quotes are not closed, or not within the longest record, is its first line
    alone, so that one quote too many spoils one row and no more; so is one of several lines
    that has not the right number of cells.
    """

    columns: int = 0

    def __call__(self, data: bytes, at_end: bool) -> Cuts:  # noqa: FBT001 - as `Cutter` has it
        """Cut a block."""
        cuts = self._cut_outside_quotes(data, at_end) if b'"' in data else cut_lines(data, at_end)
        if b"\r" not in data:
            return cuts
        stray = dict.fromkeys(_with_stray_returns(data, cuts.ends), STRAY_CARRIAGE_RETURN)
        return Cuts(cuts.ends, {**stray, **cuts.malformed})

    def _cut_outside_quotes(self, data: bytes, at_end: bool) -> Cuts:  # noqa: FBT001
        content = np.frombuffer(data, np.uint8)
        quotes = np.flatnonzero(content == _QUOTE)
        lines = np.flatnonzero(content == _LF)
        outside = np.searchsorted(quotes, lines) % 2 == 0
        ends = lines[outside] + 1
        closed = len(quotes) % 2 == 0
        if at_end and closed and not (ends.size and ends[-1] == len(data)):
            ends = np.append(ends, len(data))
        fault = min(_first_misplaced(content, quotes), _first_overlong(ends))
        ends = ends[: np.searchsorted(ends, fault, side="right")]
        start = self._first_uneven(data, ends, lines[~outside])
        if start == _NEVER and fault == _NEVER and closed:
            return Cuts(ends)
        ends = ends[: np.searchsorted(ends, start, side="right")]
        return self._cut_one_by_one(data, at_end, ends)

    def _first_uneven(self, data: bytes, ends: Places, inside: Places) -> int:
        """Where the first record of several lines begins that has not the right cells."""
        rows = np.unique(np.searchsorted(ends, inside, side="right"))
        starts = np.concatenate(([0], ends))
        for row in rows[rows < len(ends)]:
            start, end = int(starts[row]), int(ends[row])
            if not self._even(data[start:end]):
                return start
        return _NEVER

    def _even(self, record: bytes) -> bool:
        if not self.columns:
            return True
        try:
            return len(cells_of(record, "replace")) == self.columns
        except csv.Error:
            return False

    def _cut_one_by_one(self, data: bytes, at_end: bool, sound: Places) -> Cuts:  # noqa: FBT001
        """Cut what follows the sound records."""
        ends: list[int] = []
        malformed: dict[int, str] = {}
        start = int(sound[-1]) if sound.size else 0
        while start < len(data):
            end = self._end_of_record(data, start, at_end)
            if end is None and not at_end and len(data) - start <= MAX_ROW_BYTES:
                break
            if end is None:
                end = data.find(b"\n", start) + 1 or (len(data) if at_end else 0)
                if not end:
                    break
                if end - start <= MAX_ROW_BYTES:
                    malformed[len(sound) + len(ends)] = INVALID_QUOTES
            ends.append(end)
            start = end
        return Cuts(np.concatenate((sound, np.array(ends, np.int64))), malformed)

    def _end_of_record(self, data: bytes, start: int, at_end: bool) -> int | None:  # noqa: FBT001
        """Where the record ends, None where it does not here or is no record."""
        found = _RECORD.match(data, start)
        if found is None:
            return None
        end = found.end()
        if end < len(data):
            end = end + 1 if data[end] == _LF else 0
        elif not at_end:
            return None
        if not 0 < end - start <= MAX_ROW_BYTES:
            return None
        several = data.find(b"\n", start, end - 1) >= 0
        return None if several and not self._even(data[start:end]) else end


def cells_of(row: bytes, errors: str = "strict") -> Sequence[str]:
    """The cells of a well-formed row; `errors` says what becomes of bytes that are not UTF-8."""
    # No row that comes here is longer, but the reader's own limit is lower.
    csv.field_size_limit(MAX_ROW_BYTES)
    return next(csv.reader([row.decode(errors=errors)], strict=True))


def _first_misplaced(content: npt.NDArray[np.uint8], quotes: Places) -> int:
    """The first quote that neither begins nor ends a cell nor stands for one."""
    opening, closing = quotes[0::2], quotes[1::2]
    before = content[np.maximum(opening - 1, 0)]
    opens = (before == _COMMA) | (before == _LF) | (opening == 0)
    opens[1:] |= opening[1:] == closing[: len(opening) - 1] + 1
    last = len(content) - 1
    after = content[np.minimum(closing + 1, last)]
    second = content[np.minimum(closing + 2, last)]
    returns = (after == _CR) & ((closing + 1 >= last) | (second == _LF))
    closes = (after == _COMMA) | (after == _LF) | (after == _QUOTE) | (closing == last) | returns
    misplaced = np.concatenate((opening[~opens], closing[~closes]))
    return int(misplaced.min()) if misplaced.size else _NEVER


def _first_overlong(ends: Places) -> int:
    """Where the first record that is too long begins."""
    lengths = np.diff(ends, prepend=0)
    overlong = np.flatnonzero(lengths > MAX_ROW_BYTES)
    return int(ends[overlong[0]] - lengths[overlong[0]]) if overlong.size else _NEVER


def _with_stray_returns(data: bytes, ends: Places) -> list[int]:
    """The records with a carriage return outside of quotes that is no part of a line end."""
    content = np.frombuffer(data, np.uint8)
    of_line_ends = ends[content[ends - 1] == _LF] - 2
    inner = np.setdiff1d(np.flatnonzero(content == _CR), of_line_ends, assume_unique=True)
    rows = np.unique(np.searchsorted(ends, inner, side="right"))
    starts = np.concatenate(([0], ends))
    return [
        int(row)
        for row in rows[rows < len(ends)]
        if not _WITHOUT_RETURNS.fullmatch(data, int(starts[row]), int(ends[row]))
    ]
