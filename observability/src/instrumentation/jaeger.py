"""Spans in thrift to a Jaeger agent's UDP port, by an exporter that ended with version 1.21.

The extra `instrumentation[jaeger]` brings it. UDP tells nobody what arrived: every batch that was
sent counts as exported.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.sdk import environment_variables
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import Status

from instrumentation.export import NotDelivered
from instrumentation.spans import RecordedSpan

# The exporter imports these names, which the SDK has no more; nobody sets the variables.
_GONE: Final = (
    "OTEL_EXPORTER_JAEGER_AGENT_HOST",
    "OTEL_EXPORTER_JAEGER_AGENT_PORT",
    "OTEL_EXPORTER_JAEGER_AGENT_SPLIT_OVERSIZED_BATCHES",
    "OTEL_EXPORTER_JAEGER_ENDPOINT",
    "OTEL_EXPORTER_JAEGER_PASSWORD",
    "OTEL_EXPORTER_JAEGER_TIMEOUT",
    "OTEL_EXPORTER_JAEGER_USER",
)


class JaegerAgent:
    """The agent at `host` and `port`; `resource` says who sends.

    Raises `ModuleNotFoundError` without the extra.
    """

    def __init__(self, host: str, port: int, resource: Mapping[str, Any]) -> None:
        for name in _GONE:
            if not hasattr(environment_variables, name):
                setattr(environment_variables, name, name)
        # It calls itself deprecated at each start, which the decision to use it has answered.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            from opentelemetry.exporter.jaeger.thrift import JaegerExporter  # noqa: PLC0415

            self._exporter = JaegerExporter(
                agent_host_name=host, agent_port=port, udp_split_oversized_batches=True
            )
        self._resource = Resource(resource)

    def take(self, spans: Sequence[RecordedSpan]) -> None:
        """Send a batch. Raises `NotDelivered`."""
        result = self._exporter.export([self._of_the_sdk(span) for span in spans])
        if result is not SpanExportResult.SUCCESS:
            raise NotDelivered("refused the spans", passing=False)

    def _of_the_sdk(self, span: RecordedSpan) -> ReadableSpan:
        return ReadableSpan(
            name=span.name,
            context=span.context,
            parent=span.parent,
            resource=self._resource,
            attributes=span.attributes,
            events=[Event(one.name, one.attributes, one.time_ns) for one in span.events],
            links=span.links,
            kind=span.kind,
            status=Status(span.status, span.description),
            start_time=span.start_ns,
            end_time=span.end_ns,
        )
