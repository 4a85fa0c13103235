"""Runs: files of sorted hashes that never change, mapped into memory."""

import mmap
import os
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_64_hexdigest

from data_pipeline.adapters.seen_ids.hashes import WORD, Words

SLOTS_PER_ROW: Final = 32
"""The filter has one bit for each slot, so one in 32 absent hashes is looked for in vain."""

MERGE_ROWS: Final = 1 << 19
"""How many hashes a merge holds in memory at once, about."""

NEW: Final = ".new"
"""Ends the name of a file until it is whole."""

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RunEntry:
    """What the manifest says of a run; all its ids arrived before `until_ms`."""

    number: int
    rows: int
    until_ms: int
    checksum: str
    gone: int = 0


class DamagedRun(Exception):
    """The file of a run is not what was written."""


class Run:
    """A file of three parts: the first halves in order, the second halves, the filter.

    A slot is the upper bits of the first half, as many as give each row `SLOTS_PER_ROW` slots.
    `gone` are the rows of forgotten ids, kept in a file of its own.
    """

    def __init__(self, folder: Path, entry: RunEntry) -> None:
        self.entry = entry
        self.path = folder / f"{entry.number}.run"
        self._gone_path = folder / f"{entry.number}.gone"
        content = _mapped(self.path)
        words = entry.rows * WORD.itemsize
        if len(content) != words * 2 + (1 << _slot_bits(entry.rows) - 3):
            raise DamagedRun(f"{self.path.name} has another size")
        if xxh3_64_hexdigest(content) != entry.checksum:
            raise DamagedRun(f"{self.path.name} has other content")
        view = memoryview(content)
        self._first, self._second = view[:words].cast("Q"), view[words : words * 2].cast("Q")
        self._filter = view[words * 2 :]
        self.first = np.frombuffer(self._first, WORD)
        self.second = np.frombuffer(self._second, WORD)
        self._bits = np.frombuffer(self._filter, np.uint8)
        self._shift = 64 - _slot_bits(entry.rows)
        self.gone: Rows = np.empty(0, np.int64)
        if self._gone_path.exists():
            self.gone = np.fromfile(self._gone_path, np.int64)
        if len(self.gone) < entry.gone:
            raise DamagedRun(f"{self._gone_path.name} is not whole")

    def holds(self, first: int, second: int) -> bool:
        """Whether one hash is in the run and not forgotten."""
        slot = first >> self._shift
        if not self._filter[slot >> 3] >> (slot & 7) & 1:
            return False
        row = bisect_left(self._first, first)
        while row < self.entry.rows and self._first[row] == first:
            if self._second[row] == second and not np.isin(row, self.gone):
                return True
            row += 1
        return False

    def find(self, first: Words, second: Words) -> tuple[Rows, Rows]:
        """Which of some hashes, sorted by the first half, are in the run, and in which rows."""
        slots = (first >> np.uint64(self._shift)).view(np.int64)
        bits = self._bits.take(slots >> 3)
        bits &= _bit(slots)
        asked = np.flatnonzero(bits)
        rows = np.searchsorted(self.first, first[asked])
        found_asked: list[Rows] = []
        found_rows: list[Rows] = []
        while len(asked):
            inside = rows < self.entry.rows
            asked, rows = asked[inside], rows[inside]
            alike = self.first[rows] == first[asked]
            asked, rows = asked[alike], rows[alike]
            equal = self.second[rows] == second[asked]
            found_asked.append(asked[equal])
            found_rows.append(rows[equal])
            rows = rows + 1
        if not found_asked:
            return asked, rows
        asked, rows = np.concatenate(found_asked), np.concatenate(found_rows)
        if len(self.gone):
            left = np.isin(rows, self.gone, invert=True)
            asked, rows = asked[left], rows[left]
        return asked, rows

    def forget(self, rows: Rows) -> None:
        """Take rows for absent from now on, and after `save` for good."""
        self.gone = np.union1d(self.gone, rows)

    def save(self) -> None:
        """Write what is forgotten."""
        if len(self.gone) != self.entry.gone:
            write_file(self._gone_path, self.gone.tobytes())
            self.entry = replace(self.entry, gone=len(self.gone))

    def remove(self) -> None:
        """Remove the files; who still reads the run goes on with it."""
        self.path.unlink(missing_ok=True)
        self._gone_path.unlink(missing_ok=True)


def write_run(folder: Path, number: int, until_ms: int, first: Words, second: Words) -> Run:
    """A new run of hashes that are sorted by the first half."""
    return _write(folder, number, until_ms, len(first), [(first, second)])


def merge_runs(folder: Path, number: int, runs: Sequence[Run]) -> Run:
    """A new run of what is in others, without what is forgotten."""
    rows = sum(run.entry.rows - len(run.gone) for run in runs)
    until_ms = max(run.entry.until_ms for run in runs)
    return _write(folder, number, until_ms, rows, _merged(runs))


def write_file(path: Path, content: bytes) -> None:
    """Replace a file as a whole; it is on disk when this returns."""
    new = path.with_suffix(NEW)
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _merged(runs: Sequence[Run]) -> Iterable[tuple[Words, Words]]:
    """The hashes of all runs in their order, some at a time."""
    largest = max(runs, key=lambda run: run.entry.rows)
    rows = sum(run.entry.rows for run in runs)
    step = max(1, MERGE_ROWS * largest.entry.rows // rows)
    bounds = np.unique(largest.first[step::step])
    edges = [[0, *np.searchsorted(run.first, bounds), run.entry.rows] for run in runs]
    for part in range(len(bounds) + 1):
        firsts: list[Words] = []
        seconds: list[Words] = []
        for run, edge in zip(runs, edges, strict=True):
            start, end = edge[part], edge[part + 1]
            kept = np.ones(end - start, np.bool_)
            low, high = np.searchsorted(run.gone, (start, end))
            kept[run.gone[low:high] - start] = False
            firsts.append(run.first[start:end][kept])
            seconds.append(run.second[start:end][kept])
        first = np.concatenate(firsts)
        # A stable sort knows sorted stretches and merges them.
        order = np.argsort(first, kind="stable")
        yield first[order], np.concatenate(seconds)[order]


def _write(
    folder: Path,
    number: int,
    until_ms: int,
    rows: int,
    parts: Iterable[tuple[Words, Words]],
) -> Run:
    path = folder / f"{number}.run"
    try:
        _write_parts(path, rows, parts)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    checksum = xxh3_64_hexdigest(_mapped(path))
    return Run(folder, RunEntry(number, rows, until_ms, checksum))


def _write_parts(path: Path, rows: int, parts: Iterable[tuple[Words, Words]]) -> None:
    bits = np.zeros(1 << _slot_bits(rows) - 3, np.uint8)
    # Written, not mapped: a full disk is an error of a write, and the end of a process that maps.
    with path.open("wb") as firsts, path.open("r+b") as seconds:
        seconds.seek(rows * WORD.itemsize)
        for first, second in parts:
            firsts.write(np.ascontiguousarray(first, WORD).data)
            seconds.write(np.ascontiguousarray(second, WORD).data)
            _set_bits(bits, first, 64 - _slot_bits(rows))
        seconds.write(bits.data)
        firsts.flush()
        seconds.flush()
        os.fsync(seconds.fileno())


def _set_bits(bits: npt.NDArray[np.uint8], first: Words, shift: int) -> None:
    if not len(first):
        return
    slots = (first >> np.uint64(shift)).view(np.int64)
    places = slots >> 3
    starts = np.flatnonzero(np.append(True, places[1:] != places[:-1]))
    bits[places[starts]] |= np.bitwise_or.reduceat(_bit(slots), starts)


def _bit(slots: Rows) -> npt.NDArray[np.uint8]:
    return np.left_shift(np.uint8(1), slots.astype(np.uint8) & np.uint8(7))


def _slot_bits(rows: int) -> int:
    return max(3, (rows * SLOTS_PER_ROW).bit_length())


def _mapped(path: Path) -> mmap.mmap | bytes:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
