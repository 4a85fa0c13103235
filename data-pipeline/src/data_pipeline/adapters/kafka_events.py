"""EventStream over Kafka."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka import Message as KafkaMessage
from confluent_kafka.admin import AdminClient

from backends.ports import PortUnavailable
from data_pipeline.domain.streams import Fetched, Message, Partition, Received

GROUP: Final = "data-pipeline"
TENANT_HEADER: Final = "tenant_id"
TRACE_HEADER: Final = "traceparent"

MAX_MESSAGES: Final = 10_000
MAX_SECONDS: Final = 0.5
PING_SECONDS: Final = 0.8
_QUEUED_KILOBYTES: Final = 32 * 1024
"""What the client holds ahead of `receive`."""

REPEATED_SECONDS: Final = 30.0
"""How long the client does not say the like of what it has said."""

_LOG: Final = logging.getLogger("data_pipeline.kafka")
T = TypeVar("T")


class Seldom(logging.Filter):
    """Leaves out what repeats itself: without a broker the client says so twenty times a second.

    `now` is in seconds. Lines are alike that begin with the same word.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is written."""
        word, now = record.getMessage().partition(" ")[0], self._now()
        if now - self._said.get(word, -REPEATED_SECONDS) < REPEATED_SECONDS:
            return False
        self._said[word] = now
        return True


_SELDOM: Final = Seldom()


class KafkaEvents:
    """A consumer of one topic, all of whose calls are made by a thread of its own.

    Kafka assigns partitions; from which offset they are read is ours to say, so each assignment
    begins with a pause. Whatever came in the same call is left: it comes again after `start`.
    """

    def __init__(
        self, bootstrap_servers: str, topic: str, session_seconds: float, group: str = GROUP
    ) -> None:
        self._topic = topic
        client: dict[str, Any] = {
            "bootstrap.servers": bootstrap_servers,
            "reconnect.backoff.max.ms": 2_000,
            "error_cb": _note_error,
        }
        _LOG.addFilter(_SELDOM)
        self._admin = AdminClient(client, logger=_LOG)
        self._consumer = Consumer(
            {
                **client,
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": round(session_seconds * 1000),
                "heartbeat.interval.ms": round(session_seconds * 1000 / 4),
                "queued.max.messages.kbytes": _QUEUED_KILOBYTES,
                # A topic that is created later is found within this time.
                "topic.metadata.refresh.interval.ms": 5_000,
            },
            logger=_LOG,
        )
        self._thread = ThreadPoolExecutor(1, "kafka")
        self._assigned: list[TopicPartition] = []
        self._reassigned = False
        self._consumer.subscribe(
            [topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )

    async def receive(self) -> Received:
        """Consume messages, and take part in the group."""
        return await self._call(self._receive)

    async def start(self, positions: Mapping[Partition, int | None]) -> None:
        """Assign the partitions anew, from these offsets."""
        places = [
            TopicPartition(*one, OFFSET_BEGINNING if offset is None else offset)
            for one, offset in positions.items()
        ]

        def assign() -> None:
            self._consumer.assign(places)
            self._consumer.resume(places)

        await self._call(assign)

    async def pause(self) -> None:
        """Stop fetching."""
        await self._call(lambda: self._consumer.pause(self._assigned))

    async def acknowledge(self, positions: Mapping[Partition, int]) -> None:
        """Commit offsets without waiting for the broker."""
        offsets = [TopicPartition(*one, offset) for one, offset in positions.items()]

        def commit() -> None:
            try:
                self._consumer.commit(offsets=offsets, asynchronous=True)
            except KafkaException as error:
                # They were revoked a moment ago, or the broker is away: nothing depends on it.
                _LOG.debug("offsets were not committed: %s", error)

        await self._call(commit)

    async def ping(self) -> None:
        """Ask the broker for the topic."""
        try:
            found = await asyncio.to_thread(
                self._admin.list_topics, self._topic, timeout=PING_SECONDS
            )
        except KafkaException as error:
            raise PortUnavailable(f"Kafka does not answer: {_words(error)}") from error
        error = found.topics[self._topic].error
        if error is not None:
            raise PortUnavailable(f"Kafka has no topic {self._topic}: {error.str()}")

    async def close(self) -> None:
        """Leave the group, so that others have the partitions at once."""
        await self._call(self._consumer.close)
        self._thread.shutdown(wait=False)

    async def _call(self, call: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call)
        except KafkaException as error:
            raise PortUnavailable(f"Kafka cannot be used: {_words(error)}") from error

    def _receive(self) -> Received:
        messages = self._consumer.consume(MAX_MESSAGES, MAX_SECONDS)
        if self._reassigned:
            self._reassigned = False
            return Received(assigned=[_partition(one) for one in self._assigned])
        errors = [error.str() for one in messages if (error := one.error()) is not None]
        return Received(_by_partition(messages), None, self._ends(), errors)

    def _ends(self) -> Mapping[Partition, int]:
        ends: dict[Partition, int] = {}
        for one in self._assigned:
            _, end = self._consumer.get_watermark_offsets(one, cached=True)
            if end >= 0:
                ends[_partition(one)] = end
        return ends

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.assign(partitions)
        consumer.pause(partitions)
        self._assigned, self._reassigned = partitions, True

    def _on_revoke(self, consumer: Consumer, _: list[TopicPartition]) -> None:
        consumer.unassign()
        self._assigned, self._reassigned = [], True


def _by_partition(messages: Sequence[KafkaMessage]) -> Sequence[Fetched]:
    found: dict[Partition, list[Message]] = {}
    for one in messages:
        topic, number, offset = one.topic(), one.partition(), one.offset()
        if one.error() is not None or topic is None or number is None or offset is None:
            continue
        headers: dict[str, Any] = dict(one.headers() or ())
        message = Message(
            offset, one.value(), headers.get(TENANT_HEADER), headers.get(TRACE_HEADER)
        )
        found.setdefault(Partition(topic, number), []).append(message)
    return [Fetched(one, some, some[-1].offset + 1) for one, some in found.items()]


def _partition(place: TopicPartition) -> Partition:
    return Partition(place.topic, place.partition)


def _note_error(error: KafkaError) -> None:
    # The client tries again by itself; health asks the broker.
    _LOG.debug("Kafka: %s", error.str())


def _words(error: KafkaException) -> str:
    return error.args[0].str() if error.args else str(error)
