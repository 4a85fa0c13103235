"""The features follow the messages of a stream beside their storing, and not too far behind."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import pytest

from data_pipeline.bootstrap.background import in_background
from data_pipeline.domain.deliveries import Checked, Counts, Delivery
from data_pipeline.domain.streams import Fetched, Partition, Received
from data_pipeline.services import stream
from data_pipeline.services.intake import Loaded
from data_pipeline.services.stream import StreamWorker

pytestmark = pytest.mark.anyio

PARTITION = Partition("events", 0)


class Messages:
    """A stream of single messages, each of which comes when it is asked for."""

    def __init__(self, count: int) -> None:
        self._left = iter(range(count))
        self._assigned = False

    async def receive(self) -> Received:
        await asyncio.sleep(0)
        if not self._assigned:
            self._assigned = True
            return Received(assigned=[PARTITION])
        offset = next(self._left, None)
        if offset is None:
            return Received()
        return Received([Fetched(PARTITION, [offset], [b"{}"], [b"acme"], [], offset + 1)])

    async def read(self, positions: object) -> None:
        """Nothing is to be done."""

    async def ends(self, partitions: object) -> dict[Partition, int]:
        return {}

    async def acknowledge(self, positions: object) -> None:
        """Nothing is to be done."""


class Positions:
    async def of(self, partitions: Sequence[Partition]) -> dict[Partition, int | None]:
        return dict.fromkeys(partitions)

    async def move(self, partition: Partition, before: int | None, after: int) -> None:
        """Nothing is to be done."""


class Observer:
    def batch(self, fetched: Fetched) -> Any:
        return nullcontext(lambda report: None)

    def assigned(self, partitions: object) -> None:
        """Nothing is to be done."""

    def lagging(self, lag: object) -> None:
        """Nothing is to be done."""


class Intake:
    """Stores everything at once; following ends when it is `released`."""

    def __init__(self) -> None:
        self.stored = 0
        self.followed: list[list[int]] = []
        self.released = asyncio.Event()

    async def check(self, delivery: Delivery, extracted: Any) -> Checked[Any]:
        return Checked(extracted.rows, extracted.events, [])

    @asynccontextmanager
    async def prepared(self, delivery: Delivery, checked: object) -> AsyncGenerator[Delivery]:
        yield delivery

    async def load(self, prepared: Sequence[Delivery], effect: Any) -> Sequence[Loaded]:
        await effect(())
        self.stored += 1
        return [Loaded(one, Counts(1, 1, 0, 0), [], self.stored) for one in prepared]

    async def follow(self, loaded: Sequence[Loaded]) -> None:
        self.followed.append([one.last_sequence for one in loaded])
        await self.released.wait()

    async def until(self, stored: int) -> None:
        async with asyncio.timeout(10):
            while self.stored < stored or not self.followed:
                await asyncio.sleep(0.001)


def worker(messages: int, intake: Intake) -> StreamWorker:
    parts: Any = (Messages(messages), Positions(), intake, Observer())
    return StreamWorker(*parts)


async def test_what_is_stored_meanwhile_is_followed_together() -> None:
    intake = Intake()
    async with in_background(worker(5, intake).work, "kafka"):
        await intake.until(stored=5)
        assert intake.followed == [[1]]
        intake.released.set()
        async with asyncio.timeout(10):
            while len(intake.followed) < 2:
                await asyncio.sleep(0.001)
    assert intake.followed == [[1], [2, 3, 4, 5]]


async def test_storing_waits_where_the_features_are_too_far_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "GATHERED_EVENTS", 2)
    intake = Intake()
    async with in_background(worker(9, intake).work, "kafka"):
        await intake.until(stored=3)
        for _ in range(100):
            await asyncio.sleep(0)
        assert (intake.stored, intake.followed) == (3, [[1]])
        intake.released.set()
        await intake.until(stored=9)
    assert intake.followed[1] == [2, 3]
