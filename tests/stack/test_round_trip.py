"""From a slow request's exemplar to its trace, to its log lines, and back again."""

import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import pytest
from tests.e2e.launched import SERVICES
from tests.real_processes import wait_for
from tests.stack.observed_system import Observed, observed_system
from tests.system.processes import System
from tests.system.test_isolation import own_everything

# One request is slow, and no other may be.
pytestmark = [pytest.mark.slow, pytest.mark.measuring, pytest.mark.timeout(300)]

STOPPED_SECONDS = 1.5
PATH = "/api/v1/training-jobs"
SLOW = f"POST {PATH}"


@dataclass(frozen=True, slots=True)
class Slow:
    """A system in which one request, through all three services, was slow."""

    observed: Observed
    trace_id: str
    """As the answer's header names it."""

    def slowest(self, series: str) -> str:
        """The trace of the slowest exemplar of a histogram's series, once one is slow."""
        now = time.time()
        prometheus = self.observed.stack.prometheus
        found = wait_for(
            lambda: prometheus.exemplars(series, now - 600, time.time() + 60),
            lambda all_of: any(float(one["value"]) >= STOPPED_SECONDS for one in all_of),
        )
        return max(found, key=lambda one: float(one["value"]))["labels"]["trace_id"]


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slow]:
    folder = tmp_path_factory.mktemp("round_trip")
    with observed_system(folder, ML_ENGINE_TIMEOUT_SECONDS="10") as observed:
        key = observed.system.new_tenant("acme", plan_id="enterprise")
        with observed.system.recommender(key) as client:
            own_everything(client)
        with observed.system.client(key) as http:
            answer = answered_late(observed.system, http)
        yield Slow(observed, answer.headers["x-trace-id"])


def answered_late(system: System, http: httpx2.Client) -> httpx2.Response:
    """The answer to a request that one of its services, stopped for a while, holds up."""
    system.signal("ml-engine", signal.SIGSTOP)
    wake = threading.Timer(STOPPED_SECONDS, system.signal, ("ml-engine", signal.SIGCONT))
    wake.start()
    try:
        answer = http.post(PATH)
    finally:
        wake.join()
    assert answer.is_success, answer.text
    assert answer.elapsed.total_seconds() >= STOPPED_SECONDS
    return answer


def test_the_slow_request_is_the_exemplar_of_its_endpoint(slow: Slow) -> None:
    series = f'http_request_duration_seconds_bucket{{job="backend-api", endpoint="{PATH}"}}'
    assert slow.slowest(series) == slow.trace_id


def test_the_slow_request_is_an_exemplar_of_the_span_metrics(slow: Slow) -> None:
    series = (
        f'traces_span_metrics_duration_seconds_bucket{{service_name="backend-api",'
        f' span_name="{SLOW}"}}'
    )
    assert slow.slowest(series) == slow.trace_id


def test_its_trace_leads_through_all_services_and_shows_who_was_slow(slow: Slow) -> None:
    observed = slow.observed
    spans = wait_for(
        lambda: observed.stack.jaeger.trace(slow.trace_id),
        lambda found: {span.service for span in found} == set(SERVICES),
    )
    seconds = {(span.service, span.name): span.seconds for span in spans}
    assert seconds["backend-api", SLOW] >= STOPPED_SECONDS
    assert seconds["backend-api", "ml-engine start_training"] > seconds["backend-api", SLOW] / 2
    assert (
        seconds["backend-api", "data-pipeline create_snapshot"] < seconds["backend-api", SLOW] / 2
    )


@pytest.mark.parametrize("service", SERVICES)
def test_its_lines_lead_to_the_trace_and_back(slow: Slow, service: str) -> None:
    observed = slow.observed
    for line in observed.lines(slow.trace_id, service):
        spans = observed.stack.jaeger.trace(line.fields["trace_id"])
        assert line.fields["span_id"] in {span.span_id for span in spans}
        assert service in {span.service for span in spans}


def test_the_slow_line_is_found_by_its_latency(slow: Slow) -> None:
    logql = f'{{service="backend-api"}} | latency_ms > {STOPPED_SECONDS * 1000} | endpoint="{PATH}"'
    (line,) = wait_for(lambda: slow.observed.stack.loki.query(logql), bool)
    assert line.fields["trace_id"] == slow.trace_id
