"""The spans of a request, as a collector receives them."""

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.integration.backend_api.conftest import StartApi
from tests.otlp_collector import Collector

pytestmark = pytest.mark.anyio
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
HEADERS = {"traceparent": f"00-{TRACE_ID}-{CALLER}-01"}


def spans_of_the_trace(collector: Collector) -> dict[str, Span]:
    """The spans of the trace by their names; each name must come once."""
    spans = [span for span in collector.spans(1) if span.trace_id.hex() == TRACE_ID]
    named = {span.name: span for span in spans}
    assert len(named) == len(spans)
    return named


async def test_a_recommendation_is_a_span_with_the_call_of_ml_engine_below(
    start: StartApi, collector: Collector
) -> None:
    async with start(otlp_endpoint=collector.url) as api:
        headers = api.key_of("acme") | HEADERS
        body = {"user_id": "42"}
        await api.post("/api/v1/recommendations", body, headers=api.key_of("acme"))
        await api.post("/api/v1/recommendations", body, headers=headers)
        passed_on = api.ml_engine.seen[1].headers["traceparent"]
    spans = spans_of_the_trace(collector)
    assert set(spans) == {"POST /api/v1/recommendations", "api_key get", "ml-engine recommend"}
    server, call = spans["POST /api/v1/recommendations"], spans["ml-engine recommend"]
    assert server.parent_span_id.hex() == CALLER
    assert call.parent_span_id == server.span_id
    assert spans["api_key get"].parent_span_id == server.span_id
    assert passed_on == f"00-{TRACE_ID}-{call.span_id.hex()}-01"


async def test_a_failed_call_marks_its_span(start: StartApi, collector: Collector) -> None:
    async with start(otlp_endpoint=collector.url, ml_engine_timeout_seconds=0.05) as api:
        api.ml_engine.hangs = True
        headers = api.key_of("acme") | HEADERS
        await api.post("/api/v1/recommendations", {"user_id": "42"}, headers=headers)
    spans = spans_of_the_trace(collector)
    assert (
        spans["ml-engine recommend"].status.code
        == spans["POST /api/v1/recommendations"].status.code
        == 2
    )
