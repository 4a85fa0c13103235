"""The indexes of all tenants: a folder for each, some of them open."""

import fcntl
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Lock
from typing import IO, Final
from urllib.parse import quote

from data_pipeline.adapters.seen_ids.index import SeenIds

OPEN_TENANTS: Final = 512

IDS_IN_MEMORY: Final = 1 << 17
"""So many ids of all tenants together wait in memory, about 100 bytes each, before some become a
run."""

DAY_MS: Final = 86_400_000


class SeenIdsStore:
    """The indexes under a folder, for one process: a second one has a place of its own there."""

    def __init__(
        self,
        folder: Path,
        window_days: int,
        open_tenants: int = OPEN_TENANTS,
        ids_in_memory: int = IDS_IN_MEMORY,
    ) -> None:
        """Ids are remembered for `window_days` days of arrival, and up to a quarter longer."""
        self._window_ms = window_days * DAY_MS
        self._open_tenants = open_tenants
        self._ids_in_memory = ids_in_memory
        self._folder, self._lock_file = _take_place(folder)
        self._lock = Lock()
        self._open: OrderedDict[str, SeenIds] = OrderedDict()
        self._users: dict[str, int] = {}

    @contextmanager
    def of(self, tenant_id: str) -> Generator[SeenIds]:
        """A tenant's index, which stays open within the block. From any thread.

        To begin the block may block for a while, as files are opened and written. Who asks for a
        tenant sees to it that nobody else does: neither this nor the index has a lock for that.
        """
        with self._lock:
            self._users[tenant_id] = self._users.get(tenant_id, 0) + 1
            index = self._open.get(tenant_id)
        try:
            if index is None:
                # Without the lock: those of other tenants go on.
                index = SeenIds(self._folder / _name(tenant_id), self._window_ms)
            with self._lock:
                self._open[tenant_id] = index
                self._open.move_to_end(tenant_id)
                fullest = self._fullest()
            if fullest is not None:
                fullest.write()
            yield index
        finally:
            with self._lock:
                self._users[tenant_id] -= 1
                if not self._users[tenant_id]:
                    del self._users[tenant_id]
                if len(self._open) > self._open_tenants:
                    self._close_oldest()

    def close(self) -> None:
        """Write what is in memory only, and let another process have the folder."""
        with self._lock:
            for index in self._open.values():
                index.close()
            self._open.clear()
            self._lock_file.close()

    def _fullest(self) -> SeenIds | None:
        """The index with most ids in memory, where those of all are too many."""
        indexes = self._open.values()
        if sum(index.waiting for index in indexes) <= self._ids_in_memory:
            return None
        return max(indexes, key=lambda index: index.waiting)

    def _close_oldest(self) -> None:
        unused = next((one for one in self._open if one not in self._users), None)
        if unused is not None:
            self._open.pop(unused).close()


def _name(tenant_id: str) -> str:
    # A dot is quoted too: no name is that of another folder.
    return quote(tenant_id, safe="").replace(".", "%2E")


def _take_place(folder: Path) -> tuple[Path, IO[bytes]]:
    """The first place that no process has; the lock on it ends with the process."""
    for number in count(1):
        place = folder / str(number)
        place.mkdir(parents=True, exist_ok=True)
        lock_file = (place / "lock").open("wb")
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock_file.close()
            continue
        return place, lock_file
    raise AssertionError
