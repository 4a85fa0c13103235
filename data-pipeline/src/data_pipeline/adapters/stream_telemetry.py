"""What came of a stream as spans, metrics and log lines."""

import logging
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence, Set
from contextlib import contextmanager
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, get_current_span

from data_pipeline.adapters.kafka_events import group_of
from data_pipeline.domain.streams import Fetched, Partition, ShutOut
from data_pipeline.services.intake import Loaded
from data_pipeline.services.stream import StreamReport
from instrumentation.metrics import Metrics
from instrumentation.stages import observe_stages, record_stages
from instrumentation.tracing import Tracing, extract

MAX_LINKS: Final = 16
"""How many of the traces that sent messages the span of a batch names."""

_LOG: Final = logging.getLogger("data_pipeline")


class StreamTelemetry:
    """Observes the consumer of one topic."""

    def __init__(self, metrics: Metrics, tracing: Tracing, topic: str) -> None:
        self._metrics = metrics
        self._tracing = tracing
        self._topic = topic
        self._shown: set[Partition] = set()

    @contextmanager
    def batch(self, fetched: Fetched) -> Generator[Callable[[StreamReport], None]]:
        """A span in a trace of its own, linked to those of the first messages."""
        span = self._tracing.tracer.start_as_current_span(
            f"process {self._topic}",
            context=Context(),
            kind=SpanKind.CONSUMER,
            links=_links(fetched),
            attributes={
                "messaging.system": "kafka",
                "messaging.operation.type": "process",
                "messaging.operation.name": "process",
                "messaging.destination.name": self._topic,
                "messaging.destination.partition.id": str(fetched.partition.number),
                "messaging.consumer.group.name": group_of(self._topic),
                "messaging.batch.message_count": len(fetched.values),
                "messaging.kafka.offset": fetched.offsets[0],
            },
        )
        with span:
            yield lambda report: self._done(fetched, report)

    def assigned(self, partitions: Sequence[Partition]) -> None:
        """Write the line, and leave the lag of the others to whoever has them."""
        self._forget(self._shown - set(partitions))
        fields = {"topic": self._topic, "partitions": sorted(one.number for one in partitions)}
        _LOG.info("partitions of the stream assigned", extra=fields)

    def lagging(self, lag: Mapping[Partition, int]) -> None:
        """Set the gauges, and leave none that stands still."""
        for partition, messages in lag.items():
            self._metrics.set("kafka_consumer_lag", messages, **_labels(partition))
        self._shown.update(lag)
        self._forget(self._shown - set(lag))

    def failed(self, error_type: str, error: Exception | str) -> None:
        """Count the failure and write its line, with the stack where nobody expected it."""
        self._metrics.inc("kafka_processing_errors_total", topic=self._topic, error_type=error_type)
        unexpected = error if error_type == "internal_error" else None
        _LOG.warning(
            "messages of the stream wait and are tried again: %s",
            error,
            extra={"topic": self._topic, "error_type": error_type},
            exc_info=unexpected if isinstance(unexpected, Exception) else None,
        )

    def ended(self, error: ShutOut) -> None:
        """Count it and write the one line."""
        self._metrics.inc("kafka_processing_errors_total", topic=self._topic, error_type="shut_out")
        _LOG.error("the stream is not read any more: %s", error, extra={"topic": self._topic})

    def _forget(self, partitions: Set[Partition]) -> None:
        for partition in partitions:
            self._metrics.forget("kafka_consumer_lag", **_labels(partition))
        self._shown -= partitions

    def _done(self, fetched: Fetched, report: StreamReport) -> None:
        metrics = self._metrics
        record_stages(self._tracing.tracer, report.stages)
        metrics.inc("kafka_messages_consumed_total", len(fetched.values), topic=self._topic)
        for loaded in report.loaded:
            self._count(loaded, report)
        fields = {
            "category": "business",
            "topic": self._topic,
            "partition": fetched.partition.number,
            "first_offset": fetched.offsets[0],
            "next_offset": fetched.next_offset,
            "accepted": sum(one.counts.loaded for one in report.loaded),
            "duplicates": sum(one.counts.duplicates for one in report.loaded),
            "rejected": sum(one.counts.quarantined for one in report.loaded),
        }
        _LOG.info("took in messages", extra=fields)

    def _count(self, loaded: Loaded, report: StreamReport) -> None:
        metrics, tenant_id = self._metrics, loaded.delivery.tenant_id
        observe_stages(
            metrics,
            "data_pipeline_duration_seconds",
            report.stages,
            stage_label="stage",
            tenant_id=tenant_id,
        )
        metrics.inc(
            "data_ingestion_records_total",
            loaded.counts.loaded,
            tenant_id=tenant_id,
            data_type=loaded.delivery.data_type,
        )
        for code, count in Counter(one.code for one in loaded.rejected).items():
            metrics.inc("data_validation_errors_total", count, tenant_id=tenant_id, error_type=code)
            metrics.inc("kafka_processing_errors_total", count, topic=self._topic, error_type=code)


def _links(fetched: Fetched) -> list[Link]:
    contexts = [
        get_current_span(extract({"traceparent": one.decode(errors="replace")})).get_span_context()
        for one in fetched.traceparents[:MAX_LINKS]
    ]
    return [Link(context) for context in contexts if context.is_valid]


def _labels(partition: Partition) -> dict[str, str]:
    return {"topic": partition.topic, "partition": str(partition.number)}
