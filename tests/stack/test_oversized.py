"""What Jaeger cannot store is dropped alone, and holds up nothing that comes after it."""

from typing import Final

import pytest
from tests.real_processes import wait_for
from tests.stack.backends import Backends
from tests.stack.sender import trace_id

pytestmark = pytest.mark.slow

LONGEST_STORED: Final = 50_000
TOO_LONG: Final = 70_000
# As often as the collector has senders.
TIMES: Final = 12


def test_long_attributes_are_kept_up_to_a_bound(backends: Backends) -> None:
    span = backends.sender.span("long", {"note": "a" * LONGEST_STORED})
    event = backends.sender.event("exception", {"exception.stacktrace": "b" * LONGEST_STORED})
    backends.sender.flush()
    for stored in (span, event):
        wait_for(lambda stored=stored: backends.jaeger.trace(trace_id(stored)), bool)


def test_what_is_too_long_is_counted_and_blocks_nothing(backends: Backends) -> None:
    for _ in range(TIMES):
        backends.sender.span("too long", {"note": "a" * TOO_LONG})
        backends.sender.flush()
    event = backends.sender.event("exception", {"exception.stacktrace": "b" * TOO_LONG})
    after = backends.sender.span("after")
    backends.sender.flush()
    for stored in (event, after):
        wait_for(lambda stored=stored: backends.jaeger.trace(trace_id(stored)), bool)
    metrics = backends.collector.metrics()
    assert metrics["otelcol_processor_filter_spans_filtered_total"] == TIMES
    wait_for(backends.collector.metrics, lambda m: m["otelcol_exporter_queue_size"] == 0)
