"""The stack, running: `with running_stack(folder) as stack:`."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stack.programs.alertmanager import Alertmanager
from stack.programs.collector import Collector, Sampling
from stack.programs.executables import find
from stack.programs.exporters import NODE_EXPORTER, NodeExporter, RedisExporter
from stack.programs.jaeger import Jaeger
from stack.programs.loki import Loki
from stack.programs.paces import Pace
from stack.programs.ports import Ports
from stack.programs.processes import Program
from stack.programs.prometheus import Prometheus
from stack.programs.receivers import Receivers

_NO_PACE: Final = Pace()
_NO_SAMPLING: Final = Sampling()


@dataclass(frozen=True, slots=True)
class Stack:
    """The programs that run, and the receiver of their notifications."""

    prometheus: Prometheus
    alertmanager: Alertmanager
    loki: Loki
    jaeger: Jaeger
    collector: Collector
    receivers: Receivers
    exporters: list[Program] = field(default_factory=list[Program])

    def programs(self) -> list[Program]:
        """All of them, senders before those they send to: the order in which they end."""
        senders = [self.prometheus, self.alertmanager, self.collector]
        return [*senders, self.loki, self.jaeger, *self.exporters]


@contextmanager
def running_stack(
    folder: Path,
    services: Mapping[str, Sequence[str]] | None = None,
    *,
    ports: Ports | None = None,
    pace: Pace = _NO_PACE,
    sampling: Sampling = _NO_SAMPLING,
    redis_url: str | None = None,
    environment: str = "development",
) -> Generator[Stack]:
    """Start the stack's programs on loopback, with their data and logs in `folder`.

    Args:
        folder: where data, rendered configuration and logs go; data of a former run is kept.
        services: addresses (host:port) of what Prometheus scrapes beside the stack, by job.
        ports: free ones by default; `Ports()` has the standard ones.
        pace: as configured, or faster.
        sampling: every trace is kept by default, two seconds after its first span.
        redis_url: the Redis that an exporter watches, where one is given.
        environment: the value of the label `environment`.

    Raises:
        ProgramMissing: a program is not on this machine.
        ProgramFailed: a program ended, or did not become ready.
    """
    chosen = ports or Ports.free()
    with ExitStack() as cleanup:
        receivers = Receivers()
        cleanup.callback(receivers.close)
        loki, jaeger = Loki(folder, chosen), Jaeger(folder, chosen)
        collector = Collector(
            folder, chosen, sampling, jaeger.otlp_grpc_address, loki.otlp_endpoint
        )
        exporters = _exporters(folder, chosen, redis_url)
        alertmanager = Alertmanager(folder, chosen, receivers.url, pace)
        targets = {
            "loki": [loki.address],
            "jaeger": [jaeger.metrics_address],
            "collector": [collector.metrics_address],
            "span-metrics": [collector.span_metrics_address],
            "alertmanager": [alertmanager.address],
            **{one.name: [one.address] for one in exporters},
            **(services or {}),
        }
        prometheus = Prometheus(folder, chosen, targets, pace, environment)
        stack = Stack(prometheus, alertmanager, loki, jaeger, collector, receivers, exporters)
        cleanup.callback(end, stack.programs())
        start(stack.programs())
        yield stack


@contextmanager
def running(*programs: Program) -> Generator[None]:
    """Start only these programs, made by the caller, and end them at the end."""
    try:
        start(programs)
        yield
    finally:
        end(programs)


def start(programs: Sequence[Program]) -> None:
    """Start programs beside each other, and wait until all are ready."""
    for program in programs:
        program.launch()
    for program in programs:
        program.wait_until_ready()


def end(programs: Sequence[Program]) -> None:
    """End programs beside each other, for good."""
    for program in programs:
        program.request_stop()
    for program in programs:
        program.close()


def _exporters(folder: Path, ports: Ports, redis_url: str | None) -> list[Program]:
    found: list[Program] = []
    if find(NODE_EXPORTER) is not None:
        found.append(NodeExporter(folder, ports))
    if redis_url is not None:
        found.append(RedisExporter(folder, ports, redis_url))
    return found
