"""A span and its log line go through the collector to where an operator looks for them."""

import pytest
from tests.real_processes import wait_for
from tests.stack.backends import Backends
from tests.stack.sender import SERVICE, trace_id

from stack.programs.loki import LogLine

pytestmark = pytest.mark.slow


def lines(backends: Backends, logql: str, count: int) -> list[LogLine]:
    return wait_for(lambda: backends.loki.query(logql), lambda found: len(found) >= count)


def test_a_trace_and_its_log_line_are_found_by_trace_id(backends: Backends) -> None:
    root = backends.sender.span("GET /api/v1/recommendations")
    child = backends.sender.span("POST /recommend", parent=root)
    backends.sender.log(
        "recommended", {"request_id": "r-1", "tenant_id": "acme", "latency_ms": 12.5}, span=child
    )
    backends.sender.flush()
    spans = wait_for(lambda: backends.jaeger.trace(trace_id(root)), lambda found: len(found) == 2)
    by_name = {span.name: span for span in spans}
    assert by_name["POST /recommend"].parent_id == by_name["GET /api/v1/recommendations"].span_id
    (line,) = lines(backends, f'{{service="{SERVICE}"}} | trace_id="{trace_id(root)}"', 1)
    assert line.line == "recommended"
    assert line.fields["span_id"] == by_name["POST /recommend"].span_id
    assert line.fields["request_id"] == "r-1"
    assert line.fields["tenant_id"] == "acme"
    assert backends.jaeger.services() == [SERVICE]


def test_streams_have_three_labels_and_all_else_is_metadata(backends: Backends) -> None:
    for level in ("INFO", "ERROR"):
        backends.sender.log("labelled", {"user_hash": "ab12", "endpoint": "/x"}, level=level)
    backends.sender.flush()
    lines(backends, f'{{service="{SERVICE}"}} |= "labelled"', 2)
    assert backends.loki.labels() == {"service", "environment", "level"}
    assert lines(backends, '{level="ERROR"} | user_hash="ab12" | endpoint="/x"', 1)


def test_a_record_without_a_level_is_kept(backends: Backends) -> None:
    backends.sender.log("of no level", level=None)
    backends.sender.flush()
    assert lines(backends, '{level="unknown"} |= "of no level"', 1)


def test_metadata_can_be_compared_as_a_number(backends: Backends) -> None:
    for latency in (5.0, 700.0):
        backends.sender.log("timed", {"latency_ms": latency})
    backends.sender.flush()
    (slow,) = lines(backends, f'{{service="{SERVICE}"}} |= "timed" | latency_ms > 500', 1)
    assert slow.fields["latency_ms"] == "700"


def test_the_collector_and_jaeger_show_their_own_metrics(backends: Backends) -> None:
    backends.sender.span("measured")
    backends.sender.flush()
    wait_for(
        backends.collector.metrics, lambda m: m.get("otelcol_exporter_sent_spans_total", 0) > 0
    )
    assert "otelcol_exporter_queue_size" in backends.collector.metrics()
    assert "otelcol_exporter_queue_capacity" in backends.collector.metrics()
