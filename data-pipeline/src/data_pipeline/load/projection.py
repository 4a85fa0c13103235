"""Keeps the feature store up to date with the event log and the catalogue."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import chain, repeat
from typing import Final

from backends.ports import FeatureWriter, PortUnavailable, Positions
from data_pipeline.domain.ports import CatalogueLog, EventLog

CHUNK: Final = 10_000
"""How many records one transaction of the feature store takes."""

RETRY_DELAYS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before each further try; the last one repeats."""

_LOG: Final = logging.getLogger(__name__)


class FeatureProjection:
    """Reads what the logs hold after the feature store's position and applies it.

    There is this one path for live events and for recovery: the position is stored with the
    features in one transaction, so after a crash at any moment `catch_up` goes on where the
    features stand, and nothing is applied twice.
    """

    def __init__(
        self,
        events: EventLog,
        catalogue: CatalogueLog,
        features: FeatureWriter,
        retry_delays: Sequence[float] = RETRY_DELAYS,
    ) -> None:
        self._events = events
        self._catalogue = catalogue
        self._features = features
        self._retry_delays = retry_delays
        self._lock = asyncio.Lock()
        self._applied: Positions | None = None
        self._failure: Exception | None = None
        self._retrying: asyncio.Task[None] | None = None

    async def catch_up(self) -> None:
        """Apply everything that is logged. Raises what the stores raise, `PortUnavailable`."""
        async with self._writing():
            await self._apply_events()
            await self._apply_items()

    async def recover(self) -> None:
        """Catch up at the start of the service, else in the background; never raises."""
        try:
            await self.catch_up()
        except Exception as error:
            self._fall_behind(error)

    async def follow(self, *, events: int = 0, items: int = 0) -> None:
        """Apply the logs at least up to these sequences, else in the background; never raises.

        Of requests that wait for each other, one applies the records of all.
        """
        try:
            async with self._writing():
                applied = await self._position()
                if events > applied.events:
                    await self._apply_events()
                if items > applied.items:
                    await self._apply_items()
        except Exception as error:
            self._fall_behind(error)

    async def check(self) -> None:
        """Raise `PortUnavailable` while the features are behind the logs after a failure."""
        if self._failure is not None:
            raise PortUnavailable(f"the features are behind the logs: {self._failure}")

    async def ping(self) -> None:
        """Ping the feature store, between its transactions: the writer has one connection."""
        async with self._lock:
            await self._features.ping()

    async def close(self) -> None:
        """Stop trying in the background; the next start catches up."""
        if self._retrying is not None:
            self._retrying.cancel()
            with suppress(asyncio.CancelledError):
                await self._retrying

    @asynccontextmanager
    async def _writing(self) -> AsyncGenerator[None]:
        async with self._lock:
            try:
                yield
            except BaseException:
                # Whether the last transaction was committed is for the store to say.
                self._applied = None
                raise

    async def _position(self) -> Positions:
        if self._applied is None:
            self._applied = await self._features.positions()
        return self._applied

    async def _apply_events(self) -> None:
        position = await self._position()
        while (page := await self._events.read_after(position.events, CHUNK)).records:
            position = replace(position, events=page.last_sequence)
            await self._features.apply_events(page.records, position.events)
            self._applied = position
            if len(page.records) < CHUNK:
                return

    async def _apply_items(self) -> None:
        position = await self._position()
        while (page := await self._catalogue.read_after(position.items, CHUNK)).records:
            position = replace(position, items=page.last_sequence)
            await self._features.apply_items(page.records, position.items)
            self._applied = position
            if len(page.records) < CHUNK:
                return

    def _fall_behind(self, error: Exception) -> None:
        # Whatever it is: what the logs hold is safe, and acknowledged.
        self._failure = error
        _LOG.warning("features fall behind the logs and are tried again: %s", error)
        if self._retrying is None or self._retrying.done():
            self._retrying = asyncio.create_task(self._retry())

    async def _retry(self) -> None:
        for delay in chain(self._retry_delays, repeat(self._retry_delays[-1])):
            await asyncio.sleep(delay)
            try:
                await self.catch_up()
            except Exception as error:
                self._failure = error
            else:
                self._failure = None
                _LOG.info("features have caught up with the logs")
                return
