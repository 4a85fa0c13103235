"""The Kafka under the other tests keeps what it acknowledged when it is killed."""

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from tests.kafka_broker import KafkaBroker, offsets_of

pytestmark = pytest.mark.slow

PARTITIONS = 3
VALUES = [f"event {number}" for number in range(10_000)]


class Sender:
    """An idempotent producer, and the values of its that the broker acknowledged."""

    def __init__(self, broker: KafkaBroker, topic: str) -> None:
        self.acknowledged: list[str] = []
        self._topic = topic
        self._producer = Producer(
            {
                "bootstrap.servers": broker.bootstrap_servers,
                "acks": "all",
                "enable.idempotence": True,
                "reconnect.backoff.max.ms": 100,
                "log_level": 0,
            }
        )

    def send(self, values: list[str]) -> None:
        for value in values:
            self._producer.produce(self._topic, value, on_delivery=self._note)

    def wait_for_one(self) -> None:
        while not self.acknowledged:
            self._producer.poll(1)

    def wait_for_all(self) -> None:
        assert self._producer.flush(60) == 0

    def _note(self, error: KafkaError | None, message: Message) -> None:
        value = message.value()
        if error is None and value is not None:
            self.acknowledged.append(value.decode())


def test_what_was_acknowledged_is_there_after_a_kill(
    kafka_broker: KafkaBroker, kafka_topic: str
) -> None:
    kafka_broker.create_topic(kafka_topic, PARTITIONS)
    sender = Sender(kafka_broker, kafka_topic)
    sender.send(VALUES)
    sender.wait_for_all()
    assert sorted(sender.acknowledged) == sorted(VALUES)

    kafka_broker.kill()
    assert not kafka_broker.running
    kafka_broker.start()

    assert everything_in(kafka_broker, kafka_topic) == sorted(VALUES)


def test_a_kill_in_the_midst_of_sending_loses_and_repeats_nothing(
    kafka_broker: KafkaBroker, kafka_topic: str
) -> None:
    kafka_broker.create_topic(kafka_topic, PARTITIONS)
    sender = Sender(kafka_broker, kafka_topic)
    sender.send(VALUES)
    sender.wait_for_one()

    kafka_broker.kill()
    sender.send(["sent while it was away"])
    kafka_broker.start()
    sender.wait_for_all()

    everything = sorted([*VALUES, "sent while it was away"])
    assert sorted(sender.acknowledged) == everything
    assert everything_in(kafka_broker, kafka_topic) == everything


def everything_in(broker: KafkaBroker, topic: str) -> list[str]:
    """All values of a topic, sorted."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap_servers,
            "group.id": "reads everything",
            "enable.auto.commit": False,
        }
    )
    partitions = [TopicPartition(topic, number, 0) for number in range(PARTITIONS)]
    end = sum(offsets_of(consumer, one)[1] for one in partitions)
    consumer.assign(partitions)
    messages: list[Message] = []
    while len(messages) < end:
        # Asked for more, it would wait the whole timeout for what nobody has sent.
        batch = consumer.consume(num_messages=min(end - len(messages), 10_000), timeout=30)
        assert batch, f"{len(messages)} of {end} messages came"
        messages += batch
    consumer.close()
    values = [message.value() for message in messages]
    return sorted(value.decode() for value in values if value is not None)
