"""Every query of every panel, asked of the real backends after traffic with faults.

PANEL_TRAFFIC_SECONDS (default 60) is how long the traffic lasts; PANEL_REPORT names a file for a
table of all queries with what they found and how long they took.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from tests.e2e.launched import READY, SMALL_WORLD, Machine
from tests.real_processes import wait_for
from tests.stack.empty_panels import reason
from tests.stack.panel_traffic import Traffic
from tests.stack.stack_programs import program

from stack.dashboards import units
from stack.dashboards.queries import PanelQuery, Span, panel_queries
from stack.programs import Pace, Stack, running_stack
from stack.programs.prometheus import Sample

TRAFFIC_SECONDS: Final = float(os.environ.get("PANEL_TRAFFIC_SECONDS", "60"))
MOST_SECONDS: Final = 1.0
STEP_SECONDS: Final = 15
# Ratios of changes and of burn rates go beyond 1 for good.
RATIOS_WITHOUT_A_BOUND: Final = ("against", "burn", "budget")

pytestmark = [pytest.mark.slow, pytest.mark.measuring, pytest.mark.timeout(TRAFFIC_SECONDS + 600)]


@dataclass(frozen=True, slots=True)
class Answer:
    query: PanelQuery
    found: int
    values: list[float]
    seconds: float

    def __str__(self) -> str:
        asked = self.query.expression or dict(self.query.parameters)
        place = f"{self.query.dashboard} | {self.query.panel} | {self.query.target}"
        return (
            f"{place} | {self.found} | {self.seconds * 1000:.0f} ms | {self.query.unit} | {asked}"
        )


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Answer]]:
    """What each query finds, after the traffic."""
    for name in ("prometheus", "alertmanager", "loki", "jaeger", "prometheus-node-exporter"):
        program(name)
    folder = tmp_path_factory.mktemp("panels")
    machine = Machine(folder / "data", {**SMALL_WORLD, "TRACE_SAMPLE_RATE": "1"})
    services = {name: [f"127.0.0.1:{port}"] for name, port in machine.ports.items()}
    pace = Pace(interval=2, hold=5, window=20)
    with running_stack(folder / "stack", services, pace=pace) as stack:
        machine.environment["OTLP_ENDPOINT"] = stack.collector.otlp_url
        try:
            machine.launch().wait_for(READY)
            traffic = Traffic(machine)
            traffic.run(TRAFFIC_SECONDS)
            traffic.close()
            wait_for(stack.jaeger.services, lambda names: len(names) >= 3)
            wait_for(lambda: asked_often(stack), bool)
            found = [ask(stack, query) for query in panel_queries(Span(rate_interval="1m"))]
            report(found)
            yield found
        finally:
            machine.clean_up()


def asked_often(stack: Stack) -> list[Sample]:
    """Ask Jaeger once more; what Prometheus knows of such queries, nothing at first."""
    stack.jaeger.services()
    return stack.prometheus.query("rate(jaeger_storage_latency_seconds_count[1m]) > 0")


def ask(stack: Stack, query: PanelQuery) -> Answer:
    started = time.perf_counter()
    series = {"promql": ask_prometheus, "logql": ask_loki, "jaeger": ask_jaeger}[query.language](
        stack, query
    )
    seconds = time.perf_counter() - started
    values = [float(point[1]) for one in series for point in points(one)]
    return Answer(query, len(series), values, seconds)


def points(series: dict[str, Any]) -> list[list[Any]]:
    if "metric" not in series:
        return []
    return series["values"] if "values" in series else [series["value"]]


def ask_prometheus(stack: Stack, query: PanelQuery) -> list[dict[str, Any]]:
    return get(stack.prometheus.client, "/api/v1", query)


def ask_loki(stack: Stack, query: PanelQuery) -> list[dict[str, Any]]:
    return get(stack.loki.client, "/loki/api/v1", query)


def get(client: Any, root: str, query: PanelQuery) -> list[dict[str, Any]]:
    now = time.time()
    if query.instant:
        answer = client.get(f"{root}/query", params={"query": query.expression, "time": now})
    else:
        span = {"start": now - 900, "end": now, "step": STEP_SECONDS}
        answer = client.get(f"{root}/query_range", params={"query": query.expression, **span})
    assert answer.is_success, f"{query.expression}: {answer.text}"
    return answer.json()["data"]["result"]


def ask_jaeger(stack: Stack, query: PanelQuery) -> list[dict[str, Any]]:
    parameters = dict(query.parameters)
    if "tags" in parameters:
        key, _, value = parameters["tags"].partition("=")
        parameters["tags"] = f'{{"{key}": "{value}"}}'
    answer = stack.jaeger.client.get("/api/traces", params={**parameters, "lookback": "1h"})
    assert answer.is_success, answer.text
    return answer.json()["data"]


def report(found: list[Answer]) -> None:
    path = os.environ.get("PANEL_REPORT")
    if path:
        Path(path).write_text("".join(f"{answer}\n" for answer in found))


def test_every_query_finds_something_or_is_listed_with_the_reason(answers: list[Answer]) -> None:
    empty = [str(one) for one in answers if not one.found and reason(one.query) is None]
    assert not empty, "\n".join(empty)


def test_every_query_is_quick(answers: list[Answer]) -> None:
    slow = [str(one) for one in answers if one.seconds > MOST_SECONDS]
    assert not slow, "\n".join(slow)


def test_values_are_of_their_unit(answers: list[Answer]) -> None:
    wrong = [str(one) for one in answers if not all(fits(one, value) for value in one.values)]
    assert not wrong, "\n".join(wrong)


def fits(answer: Answer, value: float) -> bool:
    # NaN is what a quantile of nothing is; Grafana draws a gap.
    if value != value:  # noqa: PLR0124
        return True
    title = answer.query.panel.lower()
    unbounded = any(word in title for word in RATIOS_WITHOUT_A_BOUND)
    if answer.query.unit == units.RATIO and not unbounded:
        return -1e-9 <= value <= 1 + 1e-9
    if answer.query.unit in {units.SECONDS, units.BYTES, units.REQUESTS_PER_SECOND, units.CORES}:
        return value >= 0
    return True
