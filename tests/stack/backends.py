"""Collector, Jaeger and Loki, and what a service would send to them."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.stack.sender import Sender
from tests.stack.stack_programs import program

from stack.programs.collector import Collector, Sampling
from stack.programs.jaeger import Jaeger
from stack.programs.loki import Loki
from stack.programs.ports import Ports
from stack.programs.running import running

# Long enough for the spans of a trace to come together, and no longer.
QUICK = Sampling(decision_wait="1s")


@dataclass(frozen=True, slots=True)
class Backends:
    collector: Collector
    jaeger: Jaeger
    loki: Loki
    sender: Sender


@contextmanager
def running_backends(folder: Path, sampling: Sampling = QUICK) -> Generator[Backends]:
    """The three programs, ready; the test is skipped where one is missing."""
    program("jaeger")
    program("loki")
    ports = Ports.free()
    jaeger, loki = Jaeger(folder, ports), Loki(folder, ports)
    collector = Collector(folder, ports, sampling, jaeger.otlp_grpc_address, loki.otlp_endpoint)
    with running(collector, jaeger, loki):
        sender = Sender(collector.otlp_url)
        try:
            yield Backends(collector, jaeger, loki, sender)
        finally:
            sender.close()
