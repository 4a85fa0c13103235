"""Turns by which the writers of one process come to a SQLite database."""

import asyncio
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.util import await_only

_TURN: Final = "writing turn"


class WritingTurns:
    """Lets in one writer at a time, first come, first served.

    SQLite itself has those who wait try again by chance: under load some wait for seconds and
    fail, while others come by again and again. A turn lasts until its connection is back in the
    pool. Who has waited for `patience_seconds` goes on without one, as beside another process.
    """

    def __init__(self, patience_seconds: float) -> None:
        self._patience_seconds = patience_seconds
        self._lock = asyncio.Lock()

    def take(self, connection: Connection) -> None:
        """Wait for a turn for this connection, in the greenlet of an asyncio engine."""
        if await_only(self._taken()):
            record = connection.connection.record_info
            assert record is not None  # noqa: S101 - the connection is in use
            record[_TURN] = True

    def give_back(self, _: Any, record: Any) -> None:
        """End the turn of a connection that is back in its pool; an event of pools."""
        if record.record_info.pop(_TURN, False):
            self._lock.release()

    async def _taken(self) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience_seconds):
                return await self._lock.acquire()
        return False
