import socket
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from tests.unit.instrumentation.conftest import Settings
from thrift.protocol.TCompactProtocol import TCompactProtocol
from thrift.transport.TTransport import TMemoryBuffer

from instrumentation.tracing import start_tracing


@pytest.fixture
def agent() -> Iterator[socket.socket]:
    """What stands for a Jaeger agent: a UDP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(10)
        yield listening


def received(agent: socket.socket) -> Any:
    # It can be imported only once our exporter has supplied what it lacks.
    thrift = import_module("opentelemetry.exporter.jaeger.thrift.gen.agent.Agent")
    protocol = TCompactProtocol(TMemoryBuffer(agent.recv(65_536)))
    name, _, _ = protocol.readMessageBegin()
    assert name == "emitBatch"
    arguments = thrift.emitBatch_args()
    arguments.read(protocol)
    return arguments


def test_spans_reach_the_port_of_an_agent_in_compact_thrift(agent: socket.socket) -> None:
    host, port = agent.getsockname()
    tracing = start_tracing(
        Settings(traces_exporter="JAEGER", jaeger_agent_host=host, jaeger_agent_port=port)
    )
    assert tracing.exporting
    with tracing.span("outer", {"port.name": "cache"}) as outer, tracing.span("inner"):
        pass
    tracing.close()
    batch = received(agent).batch
    assert batch.process.serviceName == "backend-api"
    spans = {span.operationName: span for span in batch.spans}
    assert set(spans) == {"outer", "inner"}
    assert spans["inner"].parentSpanId == spans["outer"].spanId
    identity = outer.get_span_context()
    low = spans["outer"].traceIdLow & (2**64 - 1)
    high = spans["outer"].traceIdHigh & (2**64 - 1)
    assert (high << 64 | low) == identity.trace_id
    tags = {tag.key: tag.vStr for tag in spans["outer"].tags}
    assert tags["port.name"] == "cache"


def test_more_spans_than_a_packet_holds_go_in_several(agent: socket.socket) -> None:
    host, port = agent.getsockname()
    agent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    tracing = start_tracing(
        Settings(traces_exporter="jaeger", jaeger_agent_host=host, jaeger_agent_port=port)
    )
    for _ in range(400):
        with tracing.span("work", {"text": "x" * 500}):
            pass
    tracing.close()
    count = 0
    while count < 400:
        count += len(received(agent).batch.spans)
    assert count == 400


@pytest.mark.parametrize("exporter", ["none", "NONE"])
def test_no_spans_go_out_where_none_are_wanted(exporter: str) -> None:
    tracing = start_tracing(
        Settings(traces_exporter=exporter, otlp_endpoint="http://127.0.0.1:4318")
    )
    assert not tracing.exporting
