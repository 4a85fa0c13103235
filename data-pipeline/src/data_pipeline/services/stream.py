"""Takes in the messages of a stream: each once, whatever stops on the way."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, suppress
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import pyarrow as pa

from backends.ports import PortUnavailable
from backends.stages import Stage, StageClock
from contracts.imports import DataType
from data_pipeline.domain.deliveries import Checked, Delivery, Source
from data_pipeline.domain.events import EVENT_SCHEMA
from data_pipeline.domain.streams import (
    EventStream,
    Fetched,
    Partition,
    Received,
    ShutOut,
    StalePosition,
    StreamPositions,
)
from data_pipeline.extract.messages import extract_messages
from data_pipeline.extract.tenant_messages import UNKNOWN_TENANT, by_tenant, without_tenant
from data_pipeline.services.intake import Intake, Loaded

RETRY_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Waits before further tries; the last one repeats."""

LAG_SECONDS: Final = 2.0
"""Between two looks at how far behind this is."""

GATHERED_EVENTS: Final = 50_000
"""So many wait at most while the features follow those before: together they take less."""


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What became of the messages of a partition, by tenant, and where the time went."""

    loaded: Sequence[Loaded]
    stages: Sequence[Stage]


class StreamObserver(Protocol):
    """Is told what happens to messages."""

    def batch(self, fetched: Fetched) -> AbstractContextManager[Callable[[StreamReport], None]]:
        """Messages are worked on in this block, which hands its report over once it is done."""
        ...

    def assigned(self, partitions: Sequence[Partition]) -> None:
        """These partitions are this consumer's, and no others."""
        ...

    def lagging(self, lag: Mapping[Partition, int]) -> None:
        """How many messages of these partitions are not stored yet; of others it is not known."""
        ...

    def failed(self, error_type: str, error: Exception | str) -> None:
        """Messages could not be read or stored; they are tried again."""
        ...

    def ended(self, error: ShutOut) -> None:
        """Nothing is read any more, until the service is started again."""
        ...


class StreamWorker:
    """One per service. Messages, their counts and the position after them are one transaction.

    The stored position is the truth, and whoever stores must have stood there: so a consumer that
    lost its partition without noticing stores nothing. After whatever failure reading starts
    again from the stored positions.
    """

    def __init__(
        self,
        stream: EventStream,
        positions: StreamPositions,
        intake: Intake,
        observer: StreamObserver,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
        lag_seconds: float = LAG_SECONDS,
    ) -> None:
        self._stream = stream
        self._positions = positions
        self._intake = intake
        self._observer = observer
        self._retry_seconds = retry_seconds
        self._lag_seconds = lag_seconds
        self._assigned: Sequence[Partition] = ()
        self._at: dict[Partition, int | None] = {}
        self._started = True
        self._following: asyncio.Task[None] | None = None
        self._gathered: list[Loaded] = []
        self._failures = 0
        self._failure: str | None = None

    async def work(self) -> None:
        """Work until cancelled or shut out; whatever else goes wrong is tried again and again."""
        watching = asyncio.create_task(self._watch_lag())
        try:
            await self._work()
        except ShutOut as error:
            self._failure = str(error)
            self._observer.ended(error)
        finally:
            await _break_off(watching)
            if self._following is not None:
                await _break_off(self._following)
            self._observer.lagging({})

    async def _work(self) -> None:
        while True:
            try:
                await self._step()
            except ShutOut:
                raise
            except StalePosition as error:
                await self._stumble("stale_position", error)
            except PortUnavailable as error:
                await self._stumble("store_unavailable", error)
            except Exception as error:
                await self._stumble("internal_error", error)

    async def check(self) -> None:
        """Raise `PortUnavailable` while messages cannot be read or stored."""
        if self._failure is not None:
            raise PortUnavailable(self._failure)
        await self._stream.ping()

    async def _step(self) -> None:
        received = await self._stream.receive()
        for error in received.errors:
            self._observer.failed("stream_error", error)
        if received.assigned is not None:
            self._assigned, self._started, self._at = received.assigned, False, {}
            self._observer.assigned(self._assigned)
        if not self._started:
            await self._start()
            return
        await self._take(received)
        self._failures, self._failure = 0, None

    async def _start(self) -> None:
        self._at = dict(await self._positions.of(self._assigned))
        await self._stream.read(self._at)
        self._started = True

    async def _take(self, received: Received) -> None:
        loaded: list[Loaded] = []
        try:
            for fetched in received.fetched:
                loaded += await self._take_partition(fetched)
        finally:
            await self._let_follow(loaded)
        if received.fetched:
            stored = {one.partition: one.next_offset for one in received.fetched}
            await self._stream.acknowledge(stored)

    async def _let_follow(self, loaded: Sequence[Loaded]) -> None:
        """Let the features follow while the next messages are stored, some way behind at most."""
        self._gathered += loaded
        if self._following is not None and not self._following.done():
            if sum(one.counts.loaded for one in self._gathered) < GATHERED_EVENTS:
                return
            await self._following
        if self._gathered:
            self._following = asyncio.create_task(self._intake.follow(self._gathered))
            self._gathered = []

    async def _take_partition(self, fetched: Fetched) -> Sequence[Loaded]:
        partition, before = fetched.partition, self._at[fetched.partition]

        async def moved(_: Sequence[Loaded]) -> None:
            await self._positions.move(partition, before, fetched.next_offset)

        clock = StageClock()
        with self._observer.batch(fetched) as done:
            with clock.stage("transform"):
                checked = await self._checked(fetched)
            with clock.stage("load"):
                async with AsyncExitStack() as stack:
                    prepared = [
                        await stack.enter_async_context(self._intake.prepared(delivery, one))
                        for delivery, one in checked
                    ]
                    loaded = await self._intake.load(prepared, moved)
            done(StreamReport(loaded, clock.stages))
        self._at[partition] = fetched.next_offset
        return loaded

    async def _checked(self, fetched: Fetched) -> Sequence[tuple[Delivery, Checked[Any]]]:
        """The messages of each tenant, in the one order in which tenants are taken."""
        groups = by_tenant(fetched.tenant_ids)
        tenant_ids = sorted(groups, key=lambda tenant_id: tenant_id or "")
        return [
            await self._checked_of(tenant_id, fetched, groups[tenant_id])
            for tenant_id in tenant_ids
        ]

    async def _checked_of(
        self, tenant_id: str | None, fetched: Fetched, rows: Sequence[int]
    ) -> tuple[Delivery, Checked[Any]]:
        """The messages that stand in these rows."""
        first, origin = fetched.offsets[rows[0]], str(fetched.partition)
        delivery = Delivery(
            tenant_id or UNKNOWN_TENANT, DataType.EVENTS, Source.KAFKA, origin, first
        )
        values = [fetched.values[row] for row in rows]
        if tenant_id is None:
            headers = [fetched.tenant_ids[row] for row in rows]
            nothing = pa.RecordBatch.from_pylist([], EVENT_SCHEMA)
            nobodys = list(map(without_tenant, range(len(rows)), headers, values))
            checked = Checked(len(rows), nothing, nobodys)
        else:
            extracted = await asyncio.to_thread(extract_messages, DataType.EVENTS, values)
            checked = await self._intake.check(delivery, extracted)
        # Those of other tenants stand in between: what is named is the offset.
        rejected = [
            replace(one, index=fetched.offsets[rows[one.index]] - first) for one in checked.rejected
        ]
        return delivery, Checked(checked.received, checked.valid, rejected)

    async def _stumble(self, error_type: str, error: Exception) -> None:
        self._failure = f"messages wait and are tried again: {error}"
        self._started = False
        self._observer.failed(error_type, error)
        # What comes all the same is read anew from the stored positions.
        with suppress(PortUnavailable):
            await self._stream.read({})
        delays = self._retry_seconds
        await asyncio.sleep(delays[min(self._failures, len(delays) - 1)])
        self._failures += 1

    async def _watch_lag(self) -> None:
        """Look how far behind this is, whatever messages wait for."""
        while True:
            ends = await self._stream.ends(list(self._at))
            lag = {
                one: max(0, ends[one] - (at or 0)) for one, at in self._at.items() if one in ends
            }
            self._observer.lagging(lag)
            await asyncio.sleep(self._lag_seconds)


async def _break_off(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
