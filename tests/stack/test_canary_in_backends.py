"""A secret, an e-mail address and a key, sent by every input, are in none of the backends."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from tests.e2e.launched import SERVICES
from tests.real_processes import wait_for
from tests.stack.observed_system import Observed, observed_system
from tests.system.canaries import SEEN, TENANT, send_through_every_input

from stack.programs.loki import LogLine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PAGE: Final = 5000
FILTERED: Final = "_filtered_total"


@dataclass(frozen=True, slots=True)
class Watched:
    """A system after canaries; `last` is the trace of the request after all of them."""

    observed: Observed
    last: str


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with observed_system(tmp_path_factory.mktemp("canaries"), LOG_LEVEL="DEBUG") as observed:
        last = send_through_every_input(observed.system)
        observed.span(last, "GET /api/v1/tenant")
        observed.lines(last, "backend-api")
        yield Watched(observed, last)


def hits(text: str) -> list[str]:
    """The canaries in a text, each with what stands around it."""
    found = [(part, text.find(part)) for part in SEEN]
    return [text[max(0, at - 200) : at + 200] for _, at in found if at >= 0]


def all_lines(observed: Observed, service: str) -> list[LogLine]:
    """Every line of a service, page by page from the newest."""
    lines: list[LogLine] = []
    until_ns: int | None = None
    while True:
        page = observed.stack.loki.query(f'{{service="{service}"}}', until_ns=until_ns, limit=PAGE)
        lines += page
        if len(page) < PAGE:
            return lines
        until_ns = min(line.time_ns for line in page)


def exemplars(observed: Observed, series: str) -> list[dict[str, Any]]:
    now = time.time()
    return observed.stack.prometheus.exemplars(series, now - 3600, now + 60)


def test_prometheus_has_no_canary(watched: Watched) -> None:
    prometheus = watched.observed.stack.prometheus
    of_tenant = f'http_requests_total{{tenant_id="{TENANT}"}}'
    wait_for(lambda: prometheus.query(of_tenant), bool)
    everything = {"match[]": '{__name__=~".+"}'}
    series = prometheus.client.get("/api/v1/series", params=everything)
    assert series.is_success
    assert TENANT in series.text
    assert hits(series.text) == []
    for name in (
        "http_request_duration_seconds_bucket",
        "traces_span_metrics_duration_seconds_bucket",
    ):
        found = wait_for(lambda name=name: prometheus.exemplars(name, 0, 2**32), bool)
        assert hits(str(found)) == []


@pytest.mark.parametrize("service", SERVICES)
def test_loki_has_no_canary(watched: Watched, service: str) -> None:
    lines = all_lines(watched.observed, service)
    assert any(line.fields.get("tenant_id") == TENANT for line in lines)
    assert [line for line in lines if hits(f"{line.line} {line.fields}")] == []


@pytest.mark.parametrize("service", SERVICES)
def test_jaeger_has_no_canary(watched: Watched, service: str) -> None:
    asked = {"service": service, "limit": "20000", "lookback": "1h"}
    answer = watched.observed.stack.jaeger.client.get("/api/traces", params=asked)
    assert answer.is_success
    assert len(answer.json()["data"]) > 50
    assert TENANT in answer.text
    assert hits(answer.text) == []


def test_the_services_left_nothing_for_the_collector_to_drop(watched: Watched) -> None:
    metrics = watched.observed.stack.collector.metrics()
    assert metrics["otelcol_receiver_accepted_spans_total"] > 1000
    assert {name: n for name, n in metrics.items() if FILTERED in name and n} == {}
