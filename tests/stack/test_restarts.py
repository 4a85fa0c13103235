"""No backend loses what it has taken, and what is sent while one is away comes later."""

import time
from collections.abc import Iterator

import pytest
from tests.real_processes import wait_for
from tests.stack.backends import QUICK, program
from tests.stack.sender import SERVICE, Sender, trace_id

from stack.programs.paces import Pace
from stack.programs.running import Stack, running_stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PATIENCE_SECONDS = 120.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    for name in ("prometheus", "alertmanager", "loki", "jaeger"):
        program(name)
    folder = tmp_path_factory.mktemp("stack")
    with running_stack(folder, pace=Pace(interval=1), sampling=QUICK) as started:
        yield started


@pytest.fixture(scope="module")
def sender(stack: Stack) -> Iterator[Sender]:
    made = Sender(stack.collector.otlp_url)
    yield made
    made.close()


def line_count(stack: Stack, text: str) -> int:
    return len(stack.loki.query(f'{{service="{SERVICE}"}} |= "{text}"', limit=5000))


def test_jaeger_keeps_its_traces_when_killed(stack: Stack, sender: Sender) -> None:
    spans = [sender.span("stored") for _ in range(200)]
    sender.flush()
    for span in spans:
        wait_for(lambda span=span: stack.jaeger.trace(trace_id(span)), bool)
    stack.jaeger.kill()
    stack.jaeger.start()
    assert all(stack.jaeger.trace(trace_id(span)) for span in spans)


def test_loki_keeps_its_lines_when_killed(stack: Stack, sender: Sender) -> None:
    for number in range(1000):
        sender.log(f"stored line {number}")
    sender.flush()
    wait_for(lambda: line_count(stack, "stored line"), lambda count: count == 1000)
    stack.loki.kill()
    stack.loki.start()
    wait_for(lambda: line_count(stack, "stored line"), lambda count: count == 1000)


def test_prometheus_keeps_its_samples_when_killed(stack: Stack) -> None:
    asked = "max_over_time(up{job='loki'}[1h])"
    wait_for(
        lambda: stack.prometheus.value("count_over_time(up{job='loki'}[1h])") or 0, at_least(5)
    )
    before, now = stack.prometheus.value(asked), time.time()
    taken = stack.prometheus.query_range("up{job='loki'}", now - 60, now, 1)
    stack.prometheus.kill()
    stack.prometheus.start()
    assert stack.prometheus.value(asked) == before
    again = stack.prometheus.query_range("up{job='loki'}", now - 60, now, 1)
    assert set(map(tuple, again[0]["values"])) >= set(map(tuple, taken[0]["values"]))


def test_what_is_sent_while_jaeger_is_away_comes_later(stack: Stack, sender: Sender) -> None:
    stack.jaeger.kill()
    spans = [sender.span("sent meanwhile") for _ in range(50)]
    sender.flush()
    wait_for(lambda: stack.collector.metrics()["otelcol_exporter_queue_size"], at_least(1))
    stack.jaeger.start()
    for span in spans:
        wait_for(lambda span=span: stack.jaeger.trace(trace_id(span)), bool, PATIENCE_SECONDS)


def test_what_is_sent_while_loki_is_away_comes_later(stack: Stack, sender: Sender) -> None:
    stack.loki.kill()
    for number in range(500):
        sender.log(f"sent meanwhile {number}")
    sender.flush()
    wait_for(lambda: stack.collector.metrics()["otelcol_exporter_queue_size"], at_least(1))
    stack.loki.start()
    wait_for(
        lambda: line_count(stack, "sent meanwhile"), lambda count: count == 500, PATIENCE_SECONDS
    )


def test_a_sender_is_not_held_up_while_both_are_away(stack: Stack, sender: Sender) -> None:
    stack.jaeger.kill()
    stack.loki.kill()
    started = time.monotonic()
    for _ in range(20):
        sender.span("quickly")
        sender.log("quickly")
        sender.flush()
    assert time.monotonic() - started < 10
    stack.jaeger.start()
    stack.loki.start()


def at_least(number: float):
    return lambda found: found >= number
