"""The whole stack runs from the repository's files: it watches itself, and tells whom it should."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from tests.real_processes import wait_for
from tests.stack.backends import QUICK, program

from stack.programs.paces import Pace
from stack.programs.running import Stack, running_stack

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    for name in ("prometheus", "alertmanager", "loki", "jaeger"):
        program(name)
    folder = tmp_path_factory.mktemp("stack")
    pace = Pace(interval=1, hold=1, group=1, mute_times=False)
    with running_stack(folder, pace=pace, sampling=QUICK, environment="test") as started:
        yield started


def test_prometheus_scrapes_the_stack_itself(stack: Stack) -> None:
    wait_for(
        lambda: {one["labels"]["job"]: one["health"] for one in stack.prometheus.targets()},
        lambda found: set(found.values()) == {"up"},
    )
    jobs = {one["labels"]["job"] for one in stack.prometheus.targets()}
    assert jobs >= {"prometheus", "alertmanager", "loki", "jaeger", "collector", "span-metrics"}


def test_a_target_that_comes_and_goes_is_scraped_while_it_is_there(stack: Stack) -> None:
    stack.prometheus.set_targets("ml-engine", [stack.loki.address, stack.prometheus.address])
    replicas = "count(up{job='ml-engine'} == 1)"
    wait_for(lambda: stack.prometheus.value(replicas), lambda found: found == 2)
    stack.prometheus.set_targets("ml-engine", [])
    wait_for(lambda: stack.prometheus.value(replicas), lambda found: found is None)


def test_a_critical_alert_reaches_the_pager_and_the_chat(stack: Stack) -> None:
    labels = {"alertname": "Tried", "severity": "critical", "service": "loki"}
    alert = {"labels": labels, "startsAt": datetime.now(UTC).isoformat()}
    stack.alertmanager.client.post("/api/v2/alerts", json=[alert]).raise_for_status()
    kinds = {
        stack.receivers.wait_for(
            lambda one, kind=kind: one.kind == kind and "Tried" in str(one.body)
        ).kind
        for kind in ("pagerduty", "slack")
    }
    assert kinds == {"pagerduty", "slack"}
    assert [one["labels"]["alertname"] for one in stack.alertmanager.alerts()].count("Tried") == 1
