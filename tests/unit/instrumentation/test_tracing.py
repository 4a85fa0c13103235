import socket
import time
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.trace import get_current_span
from starlette.types import Receive, Scope, Send
from tests.otlp_collector import Collector, attributes
from tests.real_processes import free_port
from tests.unit.instrumentation.asgi import request
from tests.unit.instrumentation.conftest import Settings

from instrumentation.metrics import Metrics
from instrumentation.middleware import TelemetryMiddleware
from instrumentation.propagation import extract_pair
from instrumentation.tracing import Tracing, extract, inject, start_tracing

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A collector that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def refused() -> str:
    """A collector that is not there."""
    return f"http://127.0.0.1:{free_port()}"


def test_without_a_collector_spans_carry_ids_and_record_nothing(tracing: Tracing) -> None:
    with tracing.span("outer") as outer, tracing.span("inner") as inner:
        assert get_current_span() is inner
        assert not inner.is_recording()
        assert inner.get_span_context().trace_id == outer.get_span_context().trace_id
        assert inner.get_span_context().span_id != outer.get_span_context().span_id
    assert not tracing.exporting
    tracing.close()


def test_without_a_collector_the_rate_decides_for_new_traces() -> None:
    tracing = start_tracing(Settings(trace_sample_rate=0.5))
    flags = [tracing.tracer.start_span("x").get_span_context().trace_flags for _ in range(2000)]
    assert 850 < sum(flag.sampled for flag in flags) < 1150


@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_parent_decides_for_its_children_whatever_the_rate(flags: str) -> None:
    rate = 1.0 if flags == "00" else 0.0
    tracing = start_tracing(Settings(trace_sample_rate=rate))
    parent = extract({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-{flags}", "tracestate": "a=b"})
    identity = tracing.tracer.start_span("x", context=parent).get_span_context()
    assert f"{identity.trace_id:032x}" == TRACE
    assert identity.trace_flags.sampled == (flags == "01")
    assert identity.trace_state["a"] == "b"


def test_injected_headers_describe_the_current_span(tracing: Tracing) -> None:
    headers: dict[str, str] = {}
    with tracing.span("work") as span:
        inject(headers)
    parent = get_current_span(extract(headers)).get_span_context()
    assert parent.span_id == span.get_span_context().span_id
    assert parent.is_remote


@pytest.mark.parametrize(
    "traceparent",
    [
        f"00-{TRACE}-00f067aa0ba902b7-01",
        f"00-{TRACE}-00f067aa0ba902b7-00",
        f"01-{TRACE}-00f067aa0ba902b7-01-future",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        "garbage",
        "",
    ],
)
def test_the_fast_reading_agrees_with_the_propagator(traceparent: str) -> None:
    fast = get_current_span(extract_pair(traceparent, None)).get_span_context()
    slow = get_current_span(extract({"traceparent": traceparent})).get_span_context()
    assert fast == slow


def test_no_global_provider_is_set(exporting: Tracing) -> None:
    with exporting.span("work"):
        provider = trace.get_tracer_provider()
    assert "sdk" not in type(provider).__module__


def test_spans_arrive_with_resource_and_headers(exporting: Tracing, collector: Collector) -> None:
    with exporting.span("outer", {"port.name": "cache"}) as outer, exporting.span("inner"):
        pass
    exporting.close()
    span = collector.span("inner")
    assert span.parent_span_id.hex() == f"{outer.get_span_context().span_id:016x}"
    assert attributes(collector.span("outer")) == {"port.name": "cache"}
    resource = collector.resource()
    assert resource["service.name"] == "backend-api"
    assert resource["service.version"] == "0.0.0"
    assert resource["deployment.environment.name"] == "test"
    assert len(resource["service.instance.id"]) == 36
    assert collector.headers[0]["x-team"] == "zeta"


def test_traced_functions_make_spans(exporting: Tracing, collector: Collector) -> None:
    @exporting.traced("add", kind_of_work="sum")
    def add(a: int, b: int) -> int:
        return a + b

    @exporting.traced()
    def fail() -> None:
        raise ValueError("jane@example.com")

    assert add(1, b=2) == 3
    with pytest.raises(ValueError, match="jane"):
        fail()
    exporting.close()
    assert attributes(collector.span("add")) == {"kind_of_work": "sum"}
    failed = next(span for span in collector.spans(2) if span.name.endswith("fail"))
    assert failed.status.code == failed.status.STATUS_CODE_ERROR
    assert "example.com" not in str(failed)


@pytest.mark.anyio
async def test_traced_coroutines_stay_coroutines(tracing: Tracing) -> None:
    @tracing.traced("add")
    async def add(a: int, b: int) -> int:
        assert get_current_span().get_span_context().is_valid
        return a + b

    assert await add(1, 2) == 3
    assert add.__name__ == "add"


async def flood(tracing: Tracing, metrics: Metrics) -> None:
    """More requests than a batch and the queue hold, so that sending and dropping happen."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    wrapped = TelemetryMiddleware(app, metrics=metrics, tracing=tracing, service="x", routes=[])
    started = time.process_time()
    for _ in range(2500):
        assert (await request(wrapped, "/")).status == 200
    assert (time.process_time() - started) / 2500 < 0.005
    waited = time.monotonic()
    tracing.close()
    assert time.monotonic() - waited < 5


@pytest.mark.anyio
async def test_a_collector_that_is_gone_neither_slows_nor_fails_and_is_logged_once(
    refused: str, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    await flood(start_tracing(Settings(otlp_endpoint=refused)), metrics)
    assert len(caplog.records) == 1


@pytest.mark.anyio
async def test_a_collector_that_hangs_neither_slows_nor_fails(
    black_hole: str, metrics: Metrics
) -> None:
    await flood(start_tracing(Settings(otlp_endpoint=black_hole)), metrics)


def test_closing_twice_is_harmless(exporting: Tracing) -> None:
    exporting.close()
    exporting.close()
