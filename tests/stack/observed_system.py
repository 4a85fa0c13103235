"""The three services as real processes, and the whole stack that watches them."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.e2e.launched import SERVICES
from tests.real_processes import wait_for
from tests.stack.backends import QUICK, program
from tests.system.processes import System, running_system

from stack.programs.jaeger import StoredSpan
from stack.programs.loki import LogLine
from stack.programs.paces import Pace
from stack.programs.running import Stack, running_stack

ENVIRONMENT: Final = "test"
_PACE: Final = Pace(interval=1)


@dataclass(frozen=True, slots=True)
class Observed:
    """Services and stack; what the backends have is waited for, since it comes a moment later."""

    system: System
    stack: Stack

    def span(self, trace_id: str, name: str) -> StoredSpan:
        """A span of a trace in Jaeger."""
        spans = wait_for(
            lambda: self.stack.jaeger.trace(trace_id),
            lambda found: any(span.name == name for span in found),
        )
        return next(span for span in spans if span.name == name)

    def lines(self, trace_id: str, service: str, count: int = 1) -> list[LogLine]:
        """The lines of a service in Loki that a trace has."""
        logql = f'{{service="{service}"}} | trace_id="{trace_id}"'
        return wait_for(lambda: self.stack.loki.query(logql), lambda found: len(found) >= count)


@contextmanager
def observed_system(folder: Path, **settings: str) -> Generator[Observed]:
    """Start the stack, then the services that send to it; the test is skipped without programs."""
    for name in ("prometheus", "alertmanager", "loki", "jaeger"):
        program(name)
    with running_stack(folder, pace=_PACE, sampling=QUICK, environment=ENVIRONMENT) as stack:
        sending = {"OTLP_ENDPOINT": stack.collector.otlp_url, "ENVIRONMENT": ENVIRONMENT}
        with running_system(folder, **sending, **settings) as system:
            for service in SERVICES:
                stack.prometheus.set_targets(service, [f"127.0.0.1:{system.ports[service]}"])
            up = "count(up{job=~'" + "|".join(SERVICES) + "'} == 1)"
            wait_for(lambda: stack.prometheus.value(up), lambda found: found == len(SERVICES))
            yield Observed(system, stack)
