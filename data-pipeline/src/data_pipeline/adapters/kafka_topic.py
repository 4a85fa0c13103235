"""A topic of Kafka as those see it who read no messages."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from backends.ports import PortUnavailable
from data_pipeline.adapters.kafka_log import LOG
from data_pipeline.domain.streams import Partition

ANSWER_SECONDS: Final = 0.8
"""How long an answer is waited for: a check of the health has a second."""

T = TypeVar("T")


class KafkaTopic:
    """Asks the broker about one topic, by a client of its own, whatever the consumer does."""

    def __init__(self, client: Mapping[str, Any], topic: str) -> None:
        self._admin = AdminClient(dict(client), logger=LOG)
        self._topic = topic

    async def ping(self) -> None:
        """Raise `PortUnavailable` where the broker does not answer or has no such topic."""
        try:
            found = await self._ask(
                lambda: self._admin.list_topics(self._topic, timeout=ANSWER_SECONDS)
            )
        except KafkaException as error:
            raise PortUnavailable(f"Kafka does not answer: {words(error)}") from error
        error = found.topics[self._topic].error
        if error is not None:
            raise PortUnavailable(f"Kafka has no topic {self._topic}: {error.str()}")

    async def ends(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """The offsets after the newest messages, of those partitions of which the broker tells."""
        return await self._ask(lambda: self._ends(partitions))

    async def _ask(self, question: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(question)
        finally:
            # What the client has to say is kept in memory until somebody fetches it.
            self._admin.poll(0)

    def _ends(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        latest = cast("OffsetSpec", OffsetSpec.latest())
        asked = {TopicPartition(*one): latest for one in partitions}
        ends: dict[Partition, int] = {}
        try:
            answers = self._admin.list_offsets(asked, request_timeout=ANSWER_SECONDS)
            for place, answer in answers.items():
                ends[Partition(place.topic, place.partition)] = answer.result().offset
        except KafkaException as error:
            LOG.debug("the ends of the topic are not known: %s", words(error))
        return {one: end for one, end in ends.items() if end >= 0}


def words(error: KafkaException) -> str:
    """What an error says."""
    return error.args[0].str() if error.args else str(error)
