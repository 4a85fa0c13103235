"""Keeps the feature store up to date with the event log, the catalogue, the profiles and marks."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from itertools import chain, repeat
from typing import Final

from backends.ports import (
    EventUpdate,
    FeaturesMoved,
    FeatureWriter,
    Filled,
    Portion,
    PortUnavailable,
    Positions,
    Update,
)
from data_pipeline.domain.deliveries import Lane
from data_pipeline.domain.ports import CatalogueLog, Corrections, EventLog, UserLog
from data_pipeline.load.feeds import NOTHING, Feed, FeedPage, Feeds

CORRECTION_CHUNK: Final = 500
"""How many corrections one transaction takes; events come in between."""

RETRY_DELAYS: Final = (0.1, 0.2, 0.5, 1.0)
"""Seconds before each further try; the last one repeats."""

LOOK_SECONDS: Final = 1.0
"""How often to look whether the features still stand where they stood."""

GATHERING_SECONDS: Final = 1.0
"""While a file goes on coming within so many seconds, its events are gathered..."""

GATHERED_SECONDS: Final = 30.0
"""...for so many at most: following more of them at once takes less of the machine in all."""

_LOG: Final = logging.getLogger(__name__)


class FeatureProjection:
    """Reads what the logs hold after the features' positions and applies it.

    There is this one path for live events and for recovery: a position is stored with the
    features in one transaction, so after a crash at any moment each log is followed from where
    the features stand, and nothing counts twice. The transactions of all take turns, and a page of
    events from files takes many: so what happens now waits for a moment of a file of ten million
    rows, not for the file.

    A correction replaces a user's features or an item's count by what the log holds of it up to
    the positions at that moment: so it is right whatever was applied before, and however often,
    and the events after the positions come by themselves. Its mark in the log goes only when the
    features have it on disk. It never comes between the reading of a page and its end, since what
    was read may be what it corrects.

    A feature store that another process keeps may lose what it had, all or the last of it. This is
    seen within a second and the logs are followed again from where the store stands; readers may
    read a store that began anew once it has all that the logs hold.
    """

    def __init__(
        self,
        events: EventLog,
        catalogue: CatalogueLog,
        users: UserLog,
        corrections: Corrections,
        features: FeatureWriter,
        now_ms: Callable[[], int],
        retry_delays: Sequence[float] = RETRY_DELAYS,
    ) -> None:
        self._feeds = Feeds(events, catalogue, users, corrections)
        self._corrections = corrections
        self._features = features
        self._now_ms = now_ms
        self._retry_delays = retry_delays
        # The second is taken within the first.
        self._paging = asyncio.Lock()
        self._lock = asyncio.Lock()
        self._applied: Positions | None = None
        self._reached = Positions()
        self._cleared = -1
        self._failure: Exception | None = None
        self._retrying: asyncio.Task[None] | None = None
        self._bulk_arrived = asyncio.Event()
        self._bulk_following: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def fill(self) -> None:
        """Apply all weights and everything that is logged; corrections are for older features.

        Raises what the stores raise, `PortUnavailable`.
        """
        await self._apply_weights()
        for feed in (*self._feeds.prompt, self._feeds.bulk):
            await self._follow(feed)

    async def catch_up(self) -> None:
        """Apply everything that is logged, corrections too. Raises `PortUnavailable`."""
        await self.fill()
        await self._apply_corrections()
        await self._let_read()

    async def recover(self) -> None:
        """Catch up at the start of the service, else in the background; never raises.

        A feature store that was lost is made again: so the weights are written anew. Files follow
        in the background in any case.
        """
        self._looking = asyncio.create_task(self._look())
        try:
            await self._apply_weights()
            for feed in self._feeds.prompt:
                await self._follow(feed)
            await self._apply_corrections()
            self._wake_bulk()
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

    async def follow(
        self,
        *,
        live: int = 0,
        bulk: int = 0,
        items: int = 0,
        users: int = 0,
        corrections: int = 0,
    ) -> None:
        """Apply the logs at least up to these sequences, else in the background; never raises.

        Of requests that wait for each other, one applies the records of all. Nobody waits for
        `bulk`: it is followed in the background, see `reach`. Nor does anybody wait while the
        features are behind, since that may be a store that is filled anew.
        """
        try:
            if bulk:
                self._feeds.bulk.backlog.asked(bulk, self._now_ms())
                self._wake_bulk()
            for feed, upto in zip(self._feeds.prompt, (live, items, users), strict=True):
                if upto:
                    feed.backlog.asked(upto, self._now_ms())
                    if self._failure is None:
                        await self._follow(feed, upto)
            if corrections and self._failure is None:
                await self._apply_corrections(corrections)
        except Exception as error:
            self._fall_behind(error)

    async def reach(self, lane: Lane, sequence: int) -> None:
        """Wait until a lane is applied up to a sequence, or cannot be now; never raises."""
        try:
            await self._follow(
                self._feeds.bulk if lane is Lane.BULK else self._feeds.live, sequence
            )
        except Exception as error:
            self._fall_behind(error)

    async def applied(self, lane: Lane) -> int:
        """Up to which sequence a lane is in the features. Raises `PortUnavailable`."""
        positions = await self._positions()
        return positions.bulk if lane is Lane.BULK else positions.live

    def freshness(self) -> Mapping[str, float]:
        """The age in seconds of the oldest record that is not applied yet, by feature type."""
        feeds = self._feeds
        return {
            "histories": max(self._age(feeds.live), self._age(feeds.bulk)),
            "items": self._age(feeds.items),
            "users": self._age(feeds.users),
        }

    async def check(self) -> None:
        """Raise `PortUnavailable` while the features are behind the logs after a failure."""
        if self._failure is not None:
            raise PortUnavailable(f"the features are behind the logs: {self._failure}")

    async def ping(self) -> None:
        """Ping the feature store, between its transactions: the writer has one connection."""
        async with self._lock:
            await self._features.ping()

    async def close(self) -> None:
        """End what goes on in the background after its transaction; the next start catches up."""
        self._closing.set()
        self._bulk_arrived.set()
        for task in (self._retrying, self._bulk_following, self._looking):
            if task is not None:
                await task

    def _age(self, feed: Feed) -> float:
        oldest_ms = feed.backlog.oldest_ms()
        return 0.0 if oldest_ms is None else max(0, self._now_ms() - oldest_ms) / 1000

    @asynccontextmanager
    async def _writing(self) -> AsyncGenerator[Positions]:
        async with self._lock:
            try:
                if self._applied is None:
                    self._applied = await self._standing()
                yield self._applied
            except BaseException:
                # Whether the last transaction was committed is for the store to say.
                self._applied = None
                raise

    async def _standing(self) -> Positions:
        """Where the store says that the features stand. Raises where it lost some, once."""
        before, self._reached = self._reached, await self._features.positions()
        if any(now < then for now, then in zip(self._reached, before, strict=True)):
            raise PortUnavailable("the feature store has lost what it had, and is filled again")
        return self._reached

    async def _look(self) -> None:
        """Notice that the store was lost or went away, though nothing comes in."""
        while not await self._closes_within(LOOK_SECONDS):
            if self._failure is not None:
                continue
            try:
                async with self._lock:
                    self._applied = await self._standing()
            except Exception as error:
                self._applied = None
                self._fall_behind(error)

    async def _positions(self) -> Positions:
        async with self._writing() as positions:
            return positions

    async def _follow(self, feed: Feed, upto: int | None = None) -> None:
        """Apply a log, at least up to a sequence where one is given, else as it is now."""
        step = self._bulk_step if feed is self._feeds.bulk else self._prompt_step
        more = True
        while more and not self._closing.is_set():
            # Another replica has followed it meanwhile: on from there.
            with suppress(FeaturesMoved):
                more = await step(feed, upto)
        feed.backlog.read(None)

    async def _prompt_step(self, feed: Feed, upto: int | None) -> bool:
        """Apply the next page of a log in one turn; whether there is more to apply."""
        async with self._writing() as positions:
            page = await self._next_page(feed, positions, upto)
            async with aclosing(self._portions(page.update)) as portions:
                async for portion in portions:
                    await self._apply(feed, portion)
        return page.more

    async def _bulk_step(self, feed: Feed, upto: int | None) -> bool:
        """The same, a turn for each portion."""
        async with self._paging:
            page = await self._next_page(feed, await self._positions(), upto)
            async with aclosing(self._portions(page.update)) as portions:
                async for portion in portions:
                    if self._closing.is_set():
                        return False
                    async with self._writing():
                        await self._apply(feed, portion)
        return page.more

    async def _next_page(self, feed: Feed, positions: Positions, upto: int | None) -> FeedPage:
        position = getattr(positions, feed.name)
        feed.backlog.applied(position)
        if upto is not None and position >= upto:
            return NOTHING
        page = await feed.read(position)
        if page.update is not None:
            feed.backlog.read(page.oldest_ms)
        return page

    async def _apply(self, feed: Feed, portion: Update | Portion) -> None:
        """To be called within `_writing`."""
        await self._features.apply(portion)
        if portion.position is not None and self._applied is not None:
            self._reached = self._applied = self._applied._replace(**{feed.name: portion.position})
            feed.backlog.applied(portion.position)

    async def _portions(self, update: Update | None) -> AsyncGenerator[Update | Portion]:
        if isinstance(update, EventUpdate):
            async with aclosing(self._features.portions(update)) as portions:
                async for portion in portions:
                    yield portion
        elif update is not None:
            yield update

    def _wake_bulk(self) -> None:
        self._bulk_arrived.set()
        if self._bulk_following is None or self._bulk_following.done():
            self._bulk_following = asyncio.create_task(self._follow_bulk())

    async def _follow_bulk(self) -> None:
        try:
            while self._bulk_arrived.is_set() and not self._closing.is_set():
                await self._gather()
                await self._follow(self._feeds.bulk)
            if self._failure is None:
                await self._let_read()
        except Exception as error:
            self._fall_behind(error)

    async def _gather(self) -> None:
        """Wait while a file goes on coming; `reach` does not."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GATHERED_SECONDS):
                while self._bulk_arrived.is_set() and not self._closing.is_set():
                    self._bulk_arrived.clear()
                    async with asyncio.timeout(GATHERING_SECONDS):
                        await self._bulk_arrived.wait()

    async def _let_read(self) -> None:
        while not self._closing.is_set():
            with suppress(FeaturesMoved):
                async with self._writing() as positions:
                    await self._features.apply(Filled(positions))
                return

    async def _apply_weights(self) -> None:
        weights = await self._corrections.weights()
        if weights:
            async with self._writing() as positions:
                await self._features.correct(weights, positions.corrections)

    async def _apply_corrections(self, upto: int | None = None) -> None:
        """Apply the corrections, at least up to a sequence where one is given.

        Between two chunks others have their turn: a change of a weight may touch every user.
        """
        more = upto is None or self._cleared < upto
        while more and not self._closing.is_set():
            with suppress(FeaturesMoved):
                async with self._paging, self._writing() as positions:
                    more = await self._apply_correction_chunk(positions, upto)

    async def _apply_correction_chunk(self, positions: Positions, upto: int | None) -> bool:
        before = after = positions.corrections
        if upto is None or before < upto:
            followed = {Lane.LIVE: positions.live, Lane.BULK: positions.bulk}
            page = await self._corrections.due(before, followed, CORRECTION_CHUNK)
            if page.last_sequence > before:
                after = page.last_sequence
                await self._features.correct(page.corrections, after)
                self._reached = self._applied = positions._replace(corrections=after)
        if self._cleared < after:
            await self._corrections.remove(after)
            self._cleared = after
        return after > before and (upto is None or after < upto)

    def _fall_behind(self, error: Exception) -> None:
        # Whatever it is: what the logs hold is safe, and acknowledged.
        self._failure = error
        _LOG.warning("features fall behind the logs and are tried again: %s", error)
        if self._retrying is None or self._retrying.done():
            self._retrying = asyncio.create_task(self._retry())

    async def _retry(self) -> None:
        for delay in chain(self._retry_delays, repeat(self._retry_delays[-1])):
            if await self._closes_within(delay):
                return
            try:
                await self.catch_up()
                self._failure = None
                # What came in while nobody waited for it.
                await self.catch_up()
            except Exception as error:
                self._failure = error
            else:
                _LOG.info("features have caught up with the logs")
                return

    async def _closes_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        return self._closing.is_set()
