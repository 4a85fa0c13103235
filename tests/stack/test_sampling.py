"""Failed and slow traces are kept whole, a share of the rest; the counts are of all spans."""

from collections.abc import Iterator
from typing import Final

import pytest
from opentelemetry.trace import Span
from tests.real_processes import wait_for
from tests.stack.backends import Backends, running_backends
from tests.stack.sender import trace_id

from stack.programs.collector import Sampling

pytestmark = pytest.mark.slow

SHARE: Final = 0.2
PLAIN: Final = 1000


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    sampling = Sampling(decision_wait="2s", keep_percentage=100 * SHARE, slow_milliseconds=500)
    with running_backends(tmp_path_factory.mktemp("stack"), sampling) as started:
        yield started


def test_what_matters_is_kept_and_a_share_of_the_rest(sampled: Backends) -> None:
    send = sampled.sender
    plain = [send.span("plain") for _ in range(PLAIN)]
    failed = [send.span("failed", failed=True) for _ in range(20)]
    slow = [send.span("slow", seconds=0.7) for _ in range(20)]
    roots = [send.span("root of a failure") for _ in range(5)]
    for root in roots:
        send.span("child", parent=root, failed=True)
    send.flush()
    wait_for(lambda: kept(sampled, [*failed, *slow, *roots]), lambda found: found == 45)
    assert len(sampled.jaeger.trace(trace_id(roots[0]))) == 2
    wait_for(sampled.collector.metrics, lambda found: decided(found) >= PLAIN + 45)
    share = wait_for(lambda: kept(sampled, plain), lambda found: found > 0) / PLAIN
    # Three standard deviations of a thousand throws.
    assert share == pytest.approx(SHARE, abs=0.04)
    counted = wait_for(
        sampled.collector.span_metrics,
        lambda found: found.get("traces_span_metrics_calls_total", 0) >= PLAIN + 50,
    )
    assert counted["traces_span_metrics_calls_total"] == PLAIN + 50
    assert counted["traces_span_metrics_duration_seconds_count"] == PLAIN + 50


def test_a_late_span_follows_the_decision_on_its_trace(sampled: Backends) -> None:
    failed = sampled.sender.span("early", failed=True)
    sampled.sender.flush()
    wait_for(lambda: sampled.jaeger.trace(trace_id(failed)), lambda found: len(found) == 1)
    sampled.sender.span("late", parent=failed)
    sampled.sender.flush()
    wait_for(lambda: sampled.jaeger.trace(trace_id(failed)), lambda found: len(found) == 2)


def kept(backends: Backends, spans: list[Span]) -> int:
    return sum(bool(backends.jaeger.trace(trace_id(span))) for span in spans)


def decided(metrics: dict[str, float]) -> float:
    name = "otelcol_processor_tail_sampling_global_count_traces_sampled_total"
    return metrics.get(name, 0.0)
