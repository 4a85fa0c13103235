"""Programs show the metrics that panels and rules name, and every rule works on them."""

from collections.abc import Iterator

import anyio
import pytest
from tests.real_processes import wait_for
from tests.redis_server import RedisServer
from tests.stack.sender import Sender
from tests.stack.stack_programs import program
from tests.stack.test_alert_rules import RULES, rules

from stack import program_metrics as listed
from stack.programs import Pace, Stack, running_stack
from stack.programs.exporters import NODE_EXPORTER, REDIS_EXPORTER

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All programs, a Redis that is watched, and a span and a line on their way."""
    exporters = (NODE_EXPORTER, REDIS_EXPORTER)
    for name in ("prometheus", "alertmanager", "loki", "jaeger", *exporters):
        program(name)
    folder = tmp_path_factory.mktemp("stack")
    redis = RedisServer(folder)
    anyio.run(redis.start)
    try:
        with running_stack(folder, pace=Pace(interval=1), redis_url=redis.url) as started:
            sender = Sender(started.collector.otlp_url)
            sender.log("measured", span=sender.span("measured"))
            sender.flush()
            wait_for(started.jaeger.services, bool)
            yield started
            sender.close()
    finally:
        redis.kill()


@pytest.mark.parametrize(
    ("job", "metrics"),
    [
        ("prometheus", listed.PROMETHEUS | listed.EVERY_PROCESS | listed.EVERY_TARGET),
        ("alertmanager", listed.ALERTMANAGER | listed.EVERY_PROCESS),
        ("loki", listed.LOKI | listed.EVERY_PROCESS),
        ("jaeger", listed.JAEGER),
        ("collector", listed.COLLECTOR),
        ("span-metrics", listed.SPAN_METRICS),
        ("node-exporter", listed.NODE_EXPORTER),
        ("redis-exporter", listed.REDIS_EXPORTER),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_program_shows_what_is_listed(stack: Stack, job: str, metrics: frozenset[str]) -> None:
    def missing() -> set[str]:
        found = stack.prometheus.query(f'count by (__name__) ({{job="{job}"}})')
        return set(metrics) - {sample.labels["__name__"] for sample in found}

    wait_for(missing, lambda names: not names, patience_seconds=30)


def test_no_rule_fails_against_what_the_programs_show(stack: Stack) -> None:
    count = sum(len(rules(path)) for path in RULES)
    ask = stack.prometheus.value
    there = "sum(prometheus_rule_group_rules)"
    assert wait_for(lambda: ask(there), lambda found: found is not None) == count
    evaluated = "min(prometheus_rule_group_last_evaluation_timestamp_seconds)"
    wait_for(lambda: ask(evaluated), bool)
    assert stack.prometheus.query("prometheus_rule_evaluation_failures_total > 0") == []
