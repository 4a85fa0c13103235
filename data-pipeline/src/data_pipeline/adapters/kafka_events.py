"""EventStream over Kafka."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka import Message as KafkaMessage

from backends.ports import PortUnavailable
from data_pipeline.adapters.kafka_log import LOG, SELDOM
from data_pipeline.adapters.kafka_topic import KafkaTopic, words
from data_pipeline.adapters.own_thread import OwnThread
from data_pipeline.domain.streams import Fetched, Partition, Received, ShutOut

TENANT_HEADER: Final = "tenant_id"
TRACE_HEADER: Final = "traceparent"

MAX_MESSAGES: Final = 20_000
MAX_SECONDS: Final = 0.5
CLOSE_SECONDS: Final = 3.0
"""How long the end waits for a broker that may not answer, and would take minutes to tell."""

_QUEUED_KILOBYTES: Final = 32 * 1024
"""What the client holds ahead of `receive`."""

T = TypeVar("T")


def group_of(topic: str) -> str:
    """The name of the group that reads a topic.

    Groups are not shared by topics: one who takes up its place again is given the partitions that
    it had, whatever topic it asks for now.
    """
    return f"data-pipeline.{topic}"


class KafkaEvents:
    """A consumer of one topic, all of whose calls are made by a thread of its own.

    Kafka assigns partitions; from which offset they are read is ours to say, so nothing of an
    assignment is read before `read`. Whatever came in the same call is left: it comes again.

    The group knows this consumer by the name of its `replica`, under which the next process has the
    partitions at once, however this one ended.
    """

    def __init__(
        self, bootstrap_servers: str, topic: str, replica: str, session_seconds: float
    ) -> None:
        self._replica = replica
        self._topic = topic
        client: dict[str, Any] = {
            "bootstrap.servers": bootstrap_servers,
            "reconnect.backoff.max.ms": 2_000,
            "error_cb": _note_error,
        }
        LOG.addFilter(SELDOM)
        self._about = KafkaTopic(client, topic)
        self._consumer = Consumer(
            {
                **client,
                "group.id": group_of(topic),
                "group.instance.id": replica,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": round(session_seconds * 1000),
                "heartbeat.interval.ms": round(session_seconds * 1000 / 4),
                "queued.max.messages.kbytes": _QUEUED_KILOBYTES,
                # A topic that is created later is found within this time.
                "topic.metadata.refresh.interval.ms": 5_000,
            },
            logger=LOG,
        )
        self._thread = OwnThread("kafka")
        self._assigned: list[TopicPartition] = []
        self._reassigned = False
        self._consumer.subscribe(
            [topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )

    async def receive(self) -> Received:
        """Consume messages, and take part in the group."""
        return await self._call(self._receive)

    async def read(self, positions: Mapping[Partition, int | None]) -> None:
        """Read these partitions from these offsets, and no others."""
        places = [
            TopicPartition(*one, OFFSET_BEGINNING if offset is None else offset)
            for one, offset in positions.items()
        ]
        await self._call(lambda: self._consumer.assign(places))

    async def ends(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """Ask the broker for the ends."""
        return await self._about.ends(partitions)

    async def acknowledge(self, positions: Mapping[Partition, int]) -> None:
        """Commit offsets without waiting for the broker."""
        offsets = [TopicPartition(*one, offset) for one, offset in positions.items()]

        def commit() -> None:
            try:
                self._consumer.commit(offsets=offsets, asynchronous=True)
            except KafkaException as error:
                # They were revoked a moment ago, or the broker is away: nothing depends on it.
                LOG.debug("offsets were not committed: %s", error)

        await self._call(commit)

    async def ping(self) -> None:
        """Ask the broker for the topic."""
        await self._about.ping()

    async def close(self) -> None:
        """Stop; the group keeps the partitions for the next of the same name for a session."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._call(self._consumer.close)
        except TimeoutError:
            LOG.warning("Kafka does not answer, so its consumer ends without a word")
        self._thread.end()

    async def _call(self, call: Callable[[], T]) -> T:
        try:
            return await self._thread.call(call)
        except KafkaException as error:
            raise PortUnavailable(f"Kafka cannot be used: {words(error)}") from error

    def _receive(self) -> Received:
        messages = self._consumer.consume(MAX_MESSAGES, MAX_SECONDS)
        errors = [error for one in messages if (error := one.error()) is not None]
        if errors:
            messages = [one for one in messages if one.error() is None]
        for error in errors:
            if error.name() == "_FATAL":
                raise ShutOut(
                    f"Kafka has shut out the replica {self._replica}, whose name another one may "
                    f"have: give each its own KAFKA_REPLICA_NAME and start this one again "
                    f"({error.str()})"
                )
        if self._reassigned:
            self._reassigned = False
            return Received(assigned=[_partition(one) for one in self._assigned])
        return Received(self._fetched(messages), None, [error.str() for error in errors])

    def _fetched(self, messages: Sequence[KafkaMessage]) -> Sequence[Fetched]:
        apart: dict[int | None, list[KafkaMessage]] = {}
        for one in messages:
            apart.setdefault(one.partition(), []).append(one)
        return [
            _columns(Partition(self._topic, number), some)
            for number, some in apart.items()
            if number is not None
        ]

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._assigned, self._reassigned = partitions, True
        consumer.assign([])

    def _on_revoke(self, consumer: Consumer, _: list[TopicPartition]) -> None:
        self._assigned, self._reassigned = [], True
        consumer.unassign()


def _columns(partition: Partition, messages: Sequence[KafkaMessage]) -> Fetched:
    """Messages of one partition; only an error has no offset."""
    offsets = [offset for one in messages if (offset := one.offset()) is not None]
    tenant_ids: list[bytes | None] = []
    traceparents: dict[bytes, None] = {}
    last, tenant_id = None, None
    for one in messages:
        headers = one.headers()
        # As a rule those of a tenant follow each other.
        if headers != last:
            last, found = headers, dict[str, Any](headers or ())
            tenant_id = found.get(TENANT_HEADER)
            if (traceparent := found.get(TRACE_HEADER)) is not None:
                traceparents[traceparent] = None
        tenant_ids.append(tenant_id)
    values = [one.value() for one in messages]
    return Fetched(partition, offsets, values, tenant_ids, list(traceparents), offsets[-1] + 1)


def _partition(place: TopicPartition) -> Partition:
    return Partition(place.topic, place.partition)


def _note_error(error: KafkaError) -> None:
    # The client tries again by itself; health asks the broker.
    LOG.debug("Kafka: %s", error.str())
