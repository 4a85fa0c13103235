"""kill -9 of the pipeline and of the broker at random moments: each message counts once."""

import json
import time
from collections import Counter
from collections.abc import Generator, Sequence
from pathlib import Path
from random import Random
from threading import Event, Lock, Thread
from typing import Any, NamedTuple, cast

import httpx2
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka import Message as KafkaMessage
from tests.integration.data_pipeline.kafka_consumers import event
from tests.integration.data_pipeline.kill_series import KILLS, KillSeries
from tests.integration.data_pipeline.killed_pipeline import KilledPipeline
from tests.integration.data_pipeline.taken_in import (
    Expected,
    books,
    check_at_rest,
    check_taken_in,
    merged_and_indexed,
    wait_for_features,
)
from tests.kafka_broker import KafkaBroker, offsets_of
from tests.real_processes import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

PARTITIONS = 3
TENANTS = ("acme", "globex")
NOBODY = "unknown"
WINDOW_SECONDS = 2.5
MESSAGES_A_SECOND = 5_000

USERS = 97
ENOUGH_MESSAGES = 80_000
"""For the ids to be written and small chunks to be merged."""

POISON = (b"{", b"", b"[1]", b"\xff\xfe", json.dumps({"event_id": "bad"}).encode())


class Sent(NamedTuple):
    """A message: whose it is, and the id of its event, None of one that holds no event."""

    tenant_id: str | None
    event_id: str | None
    value: bytes


class Acknowledged:
    """Produces messages of several tenants, and keeps what was acknowledged.

    At first there are enough of them, then they come at a steady pace.
    """

    def __init__(self, broker: KafkaBroker, topic: str, random: Random) -> None:
        self.messages: list[Sent] = []
        self.finished = Event()
        self._topic = topic
        self._random = random
        self._lock = Lock()
        settings = {
            "bootstrap.servers": broker.bootstrap_servers,
            "acks": "all",
            # As long as it takes the broker to come back; a message may be there twice then.
            "message.timeout.ms": 0,
            "reconnect.backoff.max.ms": 200,
            "linger.ms": 5,
            "log_level": 0,
        }
        self._producer = Producer(settings)

    def produce(self) -> None:
        """Produce until told to finish, then wait for what is not acknowledged."""
        number = 0
        began = time.monotonic()
        while number < ENOUGH_MESSAGES or not self.finished.is_set():
            paced = ENOUGH_MESSAGES + (time.monotonic() - began) * MESSAGES_A_SECOND
            if len(self._producer) > 5_000 or number > paced:
                self._producer.poll(0.01)
                continue
            self._send(self._message(number))
            number += 1
            self._producer.poll(0)
        assert self._producer.flush(60) == 0

    def _message(self, number: int) -> Sent:
        (tenant_id,) = self._random.choices(TENANTS, weights=(9, 1))
        chance = self._random.random()
        if chance < 0.01:
            return Sent(tenant_id, None, self._random.choice(POISON))
        if chance < 0.1:
            number = self._random.randint(max(0, number - 20_000), number)
        event_id = f"e{number}"
        nobodys = chance > 0.998
        sent = event(event_id, user_id=f"u{number % USERS}", item_id=f"i{number % 1_009}")
        return Sent(None if nobodys else tenant_id, event_id, sent)

    def _send(self, sent: Sent) -> None:
        def acknowledged(error: object, _: KafkaMessage) -> None:
            assert error is None, error
            with self._lock:
                self.messages.append(sent)

        headers: dict[str, str | bytes | None] = {}
        if sent.tenant_id is not None:
            headers["tenant_id"] = sent.tenant_id
        partition = self._random.randrange(PARTITIONS)
        self._producer.produce(
            self._topic, sent.value, headers=headers, partition=partition, on_delivery=acknowledged
        )


def messages_of(broker: KafkaBroker, topic: str) -> Sequence[KafkaMessage]:
    """Everything that is in a topic."""
    settings = {
        "bootstrap.servers": broker.bootstrap_servers,
        "group.id": f"{topic}-reader",
        "enable.auto.commit": False,
        "log_level": 0,
    }
    found: list[KafkaMessage] = []
    consumer = Consumer(settings)
    try:
        for number in range(PARTITIONS):
            place = TopicPartition(topic, number)
            first, end = offsets_of(consumer, place)
            consumer.assign([TopicPartition(topic, number, first)])
            left = end - first
            while left:
                some = [one for one in consumer.consume(left, 1.0) if one.error() is None]
                found += some
                left -= len(some)
    finally:
        consumer.close()
    return found


def sent_as(message: KafkaMessage) -> Sent:
    """A message as it was sent."""
    headers: dict[str, bytes] = dict(cast("Any", message.headers() or ()))
    tenant_id = headers["tenant_id"].decode() if headers else None
    value = message.value() or b""
    event_id = None if value in POISON else json.loads(value)["event_id"]
    return Sent(tenant_id, event_id, value)


def expected_of(topic: str, messages: Sequence[KafkaMessage]) -> dict[str, Expected]:
    """What the tenants must have of a topic."""
    received, event_ids = Counter[str](), {one: set[str]() for one in (*TENANTS, NOBODY)}
    quarantined = {one: Counter[tuple[str, int]]() for one in event_ids}
    for message in messages:
        sent = sent_as(message)
        tenant_id = sent.tenant_id or NOBODY
        received[tenant_id] += 1
        if sent.tenant_id is None or sent.event_id is None:
            offset = message.offset()
            assert offset is not None
            quarantined[tenant_id][f"{topic}/{message.partition()}", offset] += 1
        else:
            event_ids[tenant_id].add(sent.event_id)
    return {one: Expected(received[one], event_ids[one], quarantined[one]) for one in event_ids}


def all_received(client: httpx2.Client) -> int:
    """The books of all tenants, which must add up at every moment."""
    return sum(books(client, one)["received"] for one in (*TENANTS, NOBODY))


@pytest.fixture
def pipeline(
    tmp_path: Path, kafka_broker: KafkaBroker, kafka_topic: str
) -> Generator[KilledPipeline]:
    kafka_broker.create_topic(kafka_topic, PARTITIONS)
    settings = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka_broker.bootstrap_servers,
        "KAFKA_EVENTS_TOPIC": kafka_topic,
        "KAFKA_SESSION_SECONDS": "1",
    }
    pipeline = KilledPipeline(tmp_path, settings)
    yield pipeline
    pipeline.close()


class World:
    """A pipeline, a broker and a producer, of which the first two are killed."""

    def __init__(
        self, source: str, pipeline: KilledPipeline, broker: KafkaBroker, topic: str
    ) -> None:
        self.series = KillSeries(source, pipeline)
        self.pipeline = pipeline
        self.broker = broker
        self._topic = topic
        self._producer = Acknowledged(broker, topic, Random(self.series.random.random()))
        self._thread = Thread(target=self._producer.produce)
        self._thread.start()

    def finish(self, **figures: int) -> None:
        """Wait until all that was produced is taken in, and look at it."""
        self._producer.finished.set()
        self._thread.join()
        messages = messages_of(self.broker, self._topic)
        # A message whose acknowledgement was lost was sent again.
        assert set(self._producer.messages) == {sent_as(one) for one in messages}
        expected = expected_of(self._topic, messages)
        self.series.start()
        with self.pipeline.client() as client:
            wait_for(lambda: all_received(client), lambda received: received >= len(messages))
        self.series.kill()
        with self.pipeline.running() as client:
            wait_for_features(client)
            users = [f"u{n}" for n in range(USERS)]
            duplicates = sum(check_taken_in(client, *one, users) for one in expected.items())
        check_at_rest(self.pipeline)
        self.series.report(
            **figures,
            acknowledged=len(self._producer.messages),
            messages=len(messages),
            loaded=sum(len(one.event_ids) for one in expected.values()),
            duplicates=duplicates,
            quarantined=sum(one.quarantined.total() for one in expected.values()),
            **merged_and_indexed(self.pipeline),
        )


def test_messages_are_there_once_whenever_the_service_is_killed(
    pipeline: KilledPipeline, kafka_broker: KafkaBroker, kafka_topic: str
) -> None:
    world = World("kafka", pipeline, kafka_broker, kafka_topic)
    world.series.run(WINDOW_SECONDS)
    world.finish()


def test_messages_are_there_once_whenever_the_broker_or_both_are_killed(
    pipeline: KilledPipeline, kafka_broker: KafkaBroker, kafka_topic: str
) -> None:
    world = World("broker", pipeline, kafka_broker, kafka_topic)
    series, random = world.series, world.series.random
    series.start()
    for _ in range(KILLS):
        time.sleep(random.uniform(0, WINDOW_SECONDS))
        both, broker_first = random.random() < 0.5, random.random() < 0.5
        if both and not broker_first:
            series.kill()
        kafka_broker.kill()
        if both and broker_first:
            time.sleep(random.uniform(0, 1))
            series.kill()
        if both and random.random() < 0.5:
            series.start()
            kafka_broker.start()
        else:
            kafka_broker.start()
            if both:
                series.start()
    series.kill()
    world.finish(kills_of_the_broker=KILLS)
