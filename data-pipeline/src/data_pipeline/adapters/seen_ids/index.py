"""The ids that one tenant has sent: new ones in memory, the others in runs."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import rmtree
from threading import RLock
from typing import Final

import numpy as np
import numpy.typing as npt

from backends.ports import PortUnavailable
from data_pipeline.adapters.seen_ids.hashes import Words, from_keys, halves, keys, repeats
from data_pipeline.adapters.seen_ids.manifest import (
    DamagedManifest,
    read_manifest,
    remove_others,
    write_manifest,
)
from data_pipeline.adapters.seen_ids.merging import due
from data_pipeline.adapters.seen_ids.runs import DamagedRun, Run, merge_runs, write_run

MEMORY_IDS: Final = 1 << 15
"""So many ids wait in memory, about 100 bytes each, before they become a run."""

MEMORY_IDS_AT_MOST: Final = MEMORY_IDS * 16
"""As many wait while no run can be written; then no more are taken."""

FEW: Final = 32
"""Up to so many hashes are looked up one by one."""

BUCKETS: Final = 4
"""Ids are forgotten together with those of the same quarter of a window."""

_NONE: Final = from_keys(b"")
_LOG: Final = logging.getLogger(__name__)


class SeenIds:
    """The index of one tenant, for one caller at a time; its calls block.

    It is a copy of what the log has, so its owner brings it up to date before each use: reads
    what is removed after `removal` and the chunks after `sequence` at one moment, forgets the
    first and then adds the others. Adding an id twice does no harm. After a restart the two are
    as of what is on disk: what was in memory only is to be added again.
    """

    def __init__(self, folder: Path, window_ms: int) -> None:
        self._folder = folder
        self._window_ms = window_ms
        # Who was cancelled may have left a call in a thread: the next one waits for it.
        self._lock = RLock()
        self._closed = False
        self._reset()
        self._open()

    def unseen(self, hashes: Words) -> npt.NDArray[np.bool_]:
        """Which of some hashes, shape (n, 2), are new: not seen, and the first of their id here.

        Raises:
            PortUnavailable: too many ids wait in memory, as no run could be written.
        """
        with self._lock:
            if len(self._memory) > MEMORY_IDS_AT_MOST and not self._flush():
                raise PortUnavailable("the index of seen event ids cannot be written")
            if len(hashes) <= FEW:
                return self._unseen_one_by_one(hashes)
            order, first, second = halves(hashes)
            seen = repeats(order, first, second)
            for run in self._runs:
                asked, _ = run.find(first, second)
                seen[asked] = True
            unseen = np.empty(len(hashes), np.bool_)
            unseen[order] = ~seen
            if self._memory:
                known = map(self._memory.__contains__, keys(hashes))
                unseen &= ~np.fromiter(known, np.bool_, len(hashes))
            return unseen

    def add(self, hashes: Words, received_at_ms: int, sequence: int) -> None:
        """Remember ids that arrived at that moment, as far as `sequence` of the chunks."""
        with self._lock:
            self.expire(received_at_ms)
            width_ms = max(1, self._window_ms // BUCKETS)
            until_ms = (received_at_ms // width_ms + 1) * width_ms
            if self._memory and until_ms != self._until_ms:
                self._flush()
            self._until_ms = max(until_ms, self._until_ms) if self._memory else until_ms
            self.sequence = max(self.sequence, sequence)
            if len(self._memory) + len(hashes) < MEMORY_IDS:
                self._memory.update(keys(hashes))
            else:
                self._flush(hashes)

    def forget(self, hashes: Words, removal: int) -> None:
        """Take ids for new again, as far as `removal` of the removed ids."""
        with self._lock:
            self._memory.difference_update(keys(hashes))
            _, first, second = halves(hashes)
            for run in self._runs:
                _, rows = run.find(first, second)
                if len(rows):
                    run.forget(rows)
            self.removal = max(self.removal, removal)

    def expire(self, now_ms: int) -> None:
        """Drop what arrived more than a window and a quarter of one ago, and some of the rest."""
        with self._lock:
            old_ms = now_ms - self._window_ms
            if self._memory and self._until_ms <= old_ms:
                self._memory.clear()
            expired = [run for run in self._runs if run.entry.until_ms <= old_ms]
            if expired:
                self._try(lambda: self._replace(expired, ()))

    def clear(self) -> None:
        """Begin anew: the log is not the one that this index was made from."""
        with self._lock:
            rmtree(self._folder, ignore_errors=True)
            self._reset()

    @property
    def waiting(self) -> int:
        """How many ids are in memory only."""
        return len(self._memory)

    def write(self) -> None:
        """Make a run of what is in memory, if it can be written."""
        with self._lock:
            if self._memory:
                self._flush()

    def close(self) -> None:
        """Write what is in memory, so that it need not be read from the log again.

        Nothing is written after that: another process may have the folder.
        """
        with self._lock:
            if self._memory or (self.sequence, self.removal) != self._saved:
                self._flush()
            self._closed = True

    def _unseen_one_by_one(self, hashes: Words) -> npt.NDArray[np.bool_]:
        here: set[bytes] = set()
        unseen = np.zeros(len(hashes), np.bool_)
        for place, key in enumerate(keys(hashes)):
            if key in here or key in self._memory:
                continue
            here.add(key)
            first = int.from_bytes(key[:8], "little")
            second = int.from_bytes(key[8:], "little")
            unseen[place] = not any(run.holds(first, second) for run in self._runs)
        return unseen

    def _flush(self, more: Words = _NONE) -> bool:
        """Make a run of what is in memory and of more; where that fails, all is in memory."""
        if self._try(lambda: self._write(more)):
            self._memory.clear()
            self._try(self._merge)
            return True
        self._memory.update(keys(more))
        return False

    def _write(self, more: Words) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        hashes = np.concatenate((from_keys(b"".join(self._memory)), more))
        runs = list(self._runs)
        if len(hashes):
            _, first, second = halves(hashes)
            number = self._take_number()
            runs.append(write_run(self._folder, number, self._until_ms, first, second))
        self._save(runs, (self.sequence, self.removal))

    def _merge(self) -> None:
        while runs := due(self._runs, self._until_ms):
            left = any(run.entry.rows > len(run.gone) for run in runs)
            merged = [merge_runs(self._folder, self._take_number(), runs)] if left else []
            self._replace(runs, merged)

    def _replace(self, old: Sequence[Run], new: Sequence[Run]) -> None:
        # The positions stay: what is in memory is on no disk yet.
        self._save([*(run for run in self._runs if run not in old), *new], self._saved)
        for run in old:
            run.remove()

    def _save(self, runs: Sequence[Run], positions: tuple[int, int]) -> None:
        for run in runs:
            run.save()
        write_manifest(self._folder, *positions, [run.entry for run in runs])
        self._runs, self._saved = runs, positions

    def _try(self, write: Callable[[], None]) -> bool:
        """Whether something could be written; if not, memory has what the disk lacks."""
        if self._closed:
            return False
        try:
            write()
        except OSError as error:
            _LOG.warning("the index of seen event ids cannot be written: %s", error)
            return False
        return True

    def _take_number(self) -> int:
        self._number += 1
        return self._number

    def _open(self) -> None:
        try:
            sequence, removal, entries = read_manifest(self._folder)
            runs = [Run(self._folder, entry) for entry in entries]
        except (OSError, DamagedManifest, DamagedRun) as error:
            if any(self._folder.glob("*")):
                _LOG.warning("an index of seen event ids is made anew from the log: %s", error)
            self.clear()
            return
        self.sequence, self.removal = self._saved = sequence, removal
        self._runs = runs
        self._number = max((entry.number for entry in entries), default=0)
        remove_others(self._folder, entries)

    def _reset(self) -> None:
        self._memory: set[bytes] = set()
        self._until_ms = 0
        self._runs: Sequence[Run] = ()
        self._number = 0
        self.sequence = self.removal = 0
        self._saved = (0, 0)
