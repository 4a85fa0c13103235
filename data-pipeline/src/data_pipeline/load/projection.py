"""Keeps the feature store up to date with the event log, the catalogue and the corrections."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import chain, repeat
from typing import Final

from backends.ports import FeatureWriter, PortUnavailable, Positions
from data_pipeline.domain.ports import CatalogueLog, Corrections, EventLog

CHUNK: Final = 10_000
"""How many records one transaction of the feature store takes."""

CORRECTION_CHUNK: Final = 500
"""How many corrections one transaction takes; events come in between."""

RETRY_DELAYS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before each further try; the last one repeats."""

_LOG: Final = logging.getLogger(__name__)


class FeatureProjection:
    """Reads what the logs hold after the feature store's position and applies it.

    There is this one path for live events and for recovery: the position is stored with the
    features in one transaction, so after a crash at any moment `catch_up` goes on where the
    features stand, and nothing is applied twice.

    A correction replaces a history or a count by what the log holds of it up to the position of
    the events at that moment: so it is right whatever was applied before, and however often, and
    the events after the position come by themselves. Its mark in the log goes only when the
    features have it on disk.
    """

    def __init__(
        self,
        events: EventLog,
        catalogue: CatalogueLog,
        corrections: Corrections,
        features: FeatureWriter,
        retry_delays: Sequence[float] = RETRY_DELAYS,
    ) -> None:
        self._events = events
        self._catalogue = catalogue
        self._corrections = corrections
        self._features = features
        self._retry_delays = retry_delays
        self._lock = asyncio.Lock()
        self._applied: Positions | None = None
        self._cleared = -1
        self._failure: Exception | None = None
        self._retrying: asyncio.Task[None] | None = None

    async def catch_up(self) -> None:
        """Apply everything that is logged. Raises what the stores raise, `PortUnavailable`."""
        async with self._writing():
            await self._apply_events()
            await self._apply_items()
        await self._apply_corrections()

    async def recover(self) -> None:
        """Catch up at the start of the service, else in the background; never raises.

        A feature store that was lost is made again: so the weights are written anew.
        """
        try:
            await self._apply_weights()
            await self.catch_up()
        except Exception as error:
            self._fall_behind(error)

    async def settle(self, correction: int) -> None:
        """Apply the corrections at least up to this sequence.

        Raises:
            PortUnavailable: they are not applied yet; the background goes on trying.
        """
        try:
            await self._apply_corrections(correction)
        except Exception as error:
            self._fall_behind(error)
            raise

    async def follow(self, *, events: int = 0, items: int = 0, corrections: int = 0) -> None:
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
            if corrections:
                await self._apply_corrections(corrections)
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
        more = True
        while more:
            page = await self._events.read_after(position.events, CHUNK)
            if page.last_sequence > position.events:
                position = replace(position, events=page.last_sequence)
                await self._features.apply_events(page.records, position.events)
                self._applied = position
            more = page.more

    async def _apply_items(self) -> None:
        position = await self._position()
        more = True
        while more:
            page = await self._catalogue.read_after(position.items, CHUNK)
            if page.last_sequence > position.items:
                position = replace(position, items=page.last_sequence)
                await self._features.apply_items(page.records, position.items)
                self._applied = position
            more = page.more

    async def _apply_weights(self) -> None:
        async with self._writing():
            position = await self._position()
            weights = await self._corrections.weights()
            if weights:
                await self._features.correct(weights, position.corrections)

    async def _apply_corrections(self, upto: int | None = None) -> None:
        """Apply the corrections, at least up to a sequence where one is given.

        Between two chunks others have their turn: a change of a weight may touch every user.
        """
        moved = True
        while moved:
            async with self._writing():
                moved = await self._apply_correction_chunk(upto)

    async def _apply_correction_chunk(self, upto: int | None) -> bool:
        position = await self._position()
        before = position.corrections
        if upto is None or before < upto:
            page = await self._corrections.due(before, position.events, CORRECTION_CHUNK)
            if page.last_sequence > before:
                position = replace(position, corrections=page.last_sequence)
                await self._features.correct(page.corrections, position.corrections)
                self._applied = position
        if self._cleared < position.corrections:
            await self._corrections.remove(position.corrections)
            self._cleared = position.corrections
        return position.corrections > before

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
