"""Consumers of a real Kafka over the pipeline's stores, without HTTP."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

from confluent_kafka import Producer
from tests.kafka_broker import KafkaBroker

from data_pipeline.adapters.kafka_events import KafkaEvents
from data_pipeline.adapters.stream_positions import SqlStreamPositions
from data_pipeline.bootstrap.background import in_background
from data_pipeline.bootstrap.services import Core, open_core
from data_pipeline.bootstrap.storage import Storage, open_storage
from data_pipeline.domain.accounting import QuarantineEntry, QuarantineQuery
from data_pipeline.domain.records import EventFilter
from data_pipeline.domain.streams import Fetched, Partition, ShutOut
from data_pipeline.services.stream import StreamReport, StreamWorker
from data_pipeline.settings import Settings
from instrumentation.telemetry import start_telemetry

NOW_MS = 1_750_000_000_000
SESSION_SECONDS = 1.5


class Seen:
    """What the observer of a consumer was told."""

    def __init__(self) -> None:
        self.partitions: Sequence[Partition] = ()
        self.failures: list[str] = []
        self.endings: list[str] = []
        self.lag: Mapping[Partition, int] = {}
        self.batches = 0

    @contextmanager
    def batch(self, _: Fetched) -> Generator[Callable[[StreamReport], None]]:
        yield self._done

    def assigned(self, partitions: Sequence[Partition]) -> None:
        self.partitions = partitions

    def lagging(self, lag: Mapping[Partition, int]) -> None:
        self.lag = lag

    def failed(self, error_type: str, _: Exception | str) -> None:
        self.failures.append(error_type)

    def ended(self, error: ShutOut) -> None:
        self.endings.append(str(error))

    def _done(self, _: StreamReport) -> None:
        self.batches += 1


class Pipeline:
    """The stores of one folder, and consumers of one topic."""

    def __init__(self, storage: Storage, core: Core, broker: KafkaBroker, topic: str) -> None:
        self.storage = storage
        self.core = core
        self.broker = broker
        self.topic = topic

    @asynccontextmanager
    async def consuming(self, replica: str = "one") -> AsyncGenerator[tuple[StreamWorker, Seen]]:
        stream = KafkaEvents(self.broker.bootstrap_servers, self.topic, replica, SESSION_SECONDS)
        seen = Seen()
        worker = StreamWorker(
            stream,
            SqlStreamPositions(self.storage.engine),
            self.core.intake,
            seen,
            retry_seconds=(0.01, 0.1),
            lag_seconds=0.05,
        )
        try:
            async with in_background(worker.work, "kafka"):
                yield worker, seen
        finally:
            await stream.close()

    async def stored(self, tenant_id: str = "acme") -> list[str]:
        """The ids of the stored events, sorted."""
        found: list[str] = []
        async for batch in self.storage.events.scan(tenant_id, ["event_id"], EventFilter()):
            found += batch.column("event_id").to_pylist()
        return sorted(found)

    async def quarantined(self, tenant_id: str = "acme") -> Sequence[QuarantineEntry]:
        return await self.storage.quarantine.page(tenant_id, QuarantineQuery(10_000))

    async def until_stored(self, count: int, tenant_id: str = "acme") -> list[str]:
        async with asyncio.timeout(60):
            while len(stored := await self.stored(tenant_id)) < count:
                await asyncio.sleep(0.02)
        return stored

    async def until_behind(self, seen: Seen, messages: int | None) -> None:
        """Wait until the lag of all partitions is this, None for not known."""
        async with asyncio.timeout(30):
            while (sum(seen.lag.values()) if seen.lag else None) != messages:
                await asyncio.sleep(0.02)

    async def balanced(self) -> None:
        assert await self.storage.ledger.imbalances() == []


@asynccontextmanager
async def opened(settings: Settings, broker: KafkaBroker, topic: str) -> AsyncGenerator[Pipeline]:
    async with AsyncExitStack() as stack:
        telemetry = start_telemetry(settings, "data-pipeline")
        stack.callback(telemetry.close)
        storage = await open_storage(settings, telemetry, stack)
        core = await open_core(storage, stack, lambda: NOW_MS)
        yield Pipeline(storage, core, broker, topic)


def event(event_id: str, **changes: Any) -> bytes:
    return json.dumps(
        {
            "event_id": event_id,
            "user_id": "u1",
            "item_id": "i1",
            "event_type": "view",
            "timestamp": 1_700_000_000,
            **changes,
        }
    ).encode()


def send(
    broker: KafkaBroker,
    topic: str,
    values: Sequence[bytes | None],
    tenant_id: str | None = "acme",
    partition: int = -1,
    **headers: str,
) -> None:
    """Send messages; they are acknowledged when this returns."""
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "acks": "all"})
    named = {**headers, **({"tenant_id": tenant_id} if tenant_id is not None else {})}
    sent = [(name, value.encode()) for name, value in named.items()]
    for value in values:
        producer.produce(topic, value, headers=sent, partition=partition)
        producer.poll(0)
    assert producer.flush(30) == 0
