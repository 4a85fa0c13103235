"""Ends the life of old imports, and of files that belong to no import."""

from collections.abc import Callable
from typing import Final

from data_pipeline.domain.import_ports import ErasedUsers, ImportBook, ImportQueue, Spool
from data_pipeline.services.maintenance import JobReport

RETENTION_MS: Final = 30 * 86_400_000
"""How long a finished import is shown."""

STRAY_MS: Final = 3_600_000
"""So long after it was first seen a file without an import is no upload that is just ending."""


class ImportExpiry:
    """Forgets old imports and erasures that no import needs; removes the files of crashes.

    `now_ms` is Unix time in milliseconds.
    """

    name = "import_expiry"
    every_seconds = 3_600.0

    def __init__(
        self,
        book: ImportBook,
        queue: ImportQueue,
        erased: ErasedUsers,
        spool: Spool,
        now_ms: Callable[[], int],
    ) -> None:
        self._book = book
        self._queue = queue
        self._erased = erased
        self._spool = spool
        self._now_ms = now_ms
        self._strays: dict[str, int] = {}

    async def run(self) -> JobReport:
        """Do all of it. Raises `PortUnavailable`."""
        before_ms = self._now_ms() - RETENTION_MS
        return {
            "imports": await self._queue.purge(before_ms),
            "erasures": await self._erased.purge(before_ms),
            "files": await self._remove_strays(),
        }

    async def _remove_strays(self) -> int:
        now_ms = self._now_ms()
        # Listed first: what is received later is no candidate.
        strays = set(await self._spool.kept()).difference(await self._book.unfinished())
        self._strays = {one: self._strays.get(one, now_ms) for one in strays}
        old = [one for one, since_ms in self._strays.items() if since_ms <= now_ms - STRAY_MS]
        for one in old:
            await self._spool.remove(one)
            del self._strays[one]
        return len(old)
