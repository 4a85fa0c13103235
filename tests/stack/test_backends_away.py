"""While a backend of the stack is away, services answer as before; then telemetry flows again."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import httpx2
import pytest
from tests.e2e.launched import SERVICES
from tests.real_processes import wait_for
from tests.stack.observed_system import Observed, observed_system
from tests.system.test_isolation import own_everything

from stack.programs.processes import Program
from stack.programs.running import Stack

pytestmark = [pytest.mark.slow, pytest.mark.measuring, pytest.mark.timeout(400)]

PATH: Final = "/api/v1/recommendations"
ASKED: Final = {"user_id": "own-user-2"}
SPAN: Final = f"POST {PATH}"
BLOCKS: Final = 4
REQUESTS: Final = 40
SLOWER: Final = 1.3
MEASURINGS: Final = 3
"""Of which one has to do: another process on the machine may spoil the rest."""
FLOWS_AGAIN_SECONDS: Final = 120.0
"""The collector asks a backend that is away again after at most 15 seconds."""


@dataclass(frozen=True, slots=True)
class Served:
    """A system with a model, and a caller of it."""

    observed: Observed
    http: httpx2.Client

    def ask(self) -> str:
        """Recommendations, which must come; the trace id of the request."""
        answer = self.http.post(PATH, json=ASKED)
        assert answer.status_code == 200, answer.text
        assert answer.json()["algorithm"] == "two-tower"
        return answer.headers["x-trace-id"]

    def seconds(self) -> list[float]:
        """How long each of some requests takes."""
        found: list[float] = []
        for _ in range(REQUESTS):
            started = time.perf_counter()
            self.ask()
            found.append(time.perf_counter() - started)
        return found

    def slowdown(self, program: Program) -> float:
        """The median with the program away over that with it there, taken in turns."""
        there: list[float] = []
        away: list[float] = []
        for _ in range(BLOCKS):
            there += self.seconds()
            program.kill()
            away += self.seconds()
            program.start()
        return statistics.median(away) / statistics.median(there)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with observed_system(tmp_path_factory.mktemp("away")) as observed:
        key = observed.system.new_tenant("acme", plan_id="enterprise")
        with observed.system.recommender(key) as client:
            own_everything(client)
        with observed.system.client(key) as http:
            yield Served(observed, http)


def arrived(observed: Observed, trace_id: str) -> None:
    """Wait until a request's trace and lines are in the backends."""
    stack = observed.stack
    wait_for(
        lambda: {span.name for span in stack.jaeger.trace(trace_id)},
        lambda names: SPAN in names,
        FLOWS_AGAIN_SECONDS,
    )
    wait_for(
        lambda: stack.loki.query(f'{{service="backend-api"}} | trace_id="{trace_id}"'),
        bool,
        FLOWS_AGAIN_SECONDS,
    )


def test_requests_are_not_slower_without_the_collector(served: Served) -> None:
    served.seconds()
    collector = served.observed.stack.collector
    found: list[float] = []
    while not found or (min(found) > SLOWER and len(found) < MEASURINGS):
        found.append(served.slowdown(collector))
    assert min(found) <= SLOWER, found
    arrived(served.observed, served.ask())


@pytest.mark.parametrize(
    "program_of",
    [lambda stack: stack.jaeger, lambda stack: stack.loki],
    ids=["jaeger", "loki"],
)
def test_what_was_asked_while_a_backend_is_away_is_there_later(
    served: Served, program_of: Callable[[Stack], Program]
) -> None:
    program = program_of(served.observed.stack)
    program.kill()
    traces = [served.ask() for _ in range(REQUESTS)]
    program.start()
    for trace in (*traces, served.ask()):
        arrived(served.observed, trace)


def test_what_was_counted_while_prometheus_is_away_is_there_later(served: Served) -> None:
    prometheus = served.observed.stack.prometheus
    asked = f'sum(http_requests_total{{job="backend-api", endpoint="{PATH}", status="200"}})'
    before = wait_for(lambda: prometheus.value(asked), bool) or 0.0
    prometheus.kill()
    for _ in range(REQUESTS):
        served.ask()
    prometheus.start()
    wait_for(lambda: prometheus.value(asked) or 0.0, lambda found: found >= before + REQUESTS)


def test_no_service_has_suffered(served: Served) -> None:
    for service in SERVICES:
        assert served.observed.system.processes[service].poll() is None
        answer = httpx2.get(f"{served.observed.system.url(service)}/health")
        assert (answer.status_code, answer.json()["status"]) == (200, "healthy")
