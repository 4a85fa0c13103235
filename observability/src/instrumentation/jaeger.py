"""Spans in thrift to a Jaeger agent's UDP port, by an exporter that ended with version 1.21.

The extra `instrumentation[jaeger]` brings it. UDP tells nobody what arrived: every batch that was
sent counts as exported.
"""

import warnings
from typing import Final

from opentelemetry.sdk import environment_variables
from opentelemetry.sdk.trace.export import SpanExporter

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


def open_jaeger_exporter(host: str, port: int) -> SpanExporter:
    """An exporter to the agent at `host` and `port`.

    Raises `ModuleNotFoundError` without the extra.
    """
    for name in _GONE:
        if not hasattr(environment_variables, name):
            setattr(environment_variables, name, name)
    # It calls itself deprecated at each start, which the decision to use it has answered.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from opentelemetry.exporter.jaeger.thrift import JaegerExporter  # noqa: PLC0415

        return JaegerExporter(
            agent_host_name=host, agent_port=port, udp_split_oversized_batches=True
        )
