"""`make bench-overhead`: what telemetry costs a recommendation, as a whole and by its parts.

The three services answer recommendations on their sample, with all telemetry on (metrics, log
lines, spans; logs and spans by OTLP to the real collector, Loki and Jaeger beside them), with one
part off at a time, and with all of it off. The ways take turns, so that a machine that is slow
for a while slows them all. CPU is the services' own, without the collector's.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
from tests.system.processes import running_system

from benchmarks.overhead.service import METRICS, MIDDLEWARE
from benchmarks.serving.__main__ import check
from benchmarks.serving.embedded import embedded
from benchmarks.serving.load import closed_loop, post
from launcher.demo.state import read_state
from stack.programs import ProgramMissing, running_stack

HOST: Final = "127.0.0.1"
PATH: Final = "/api/v1/recommendations"
CONNECTIONS: Final = 8
WARM_UP_SECONDS: Final = 3.0
SERVING: Final = ("backend-api", "ml-engine")
ON: Final = "on"
OFF: Final = "off"
_SILENT: Final = {"LOG_LEVEL": "CRITICAL"}
_NO_SPANS: Final = {"TRACES_EXPORTER": "none"}


@dataclass(frozen=True, slots=True)
class Way:
    """One way to run the services: what is cut out of their code, and settings."""

    parts: Sequence[str] = ()
    settings: dict[str, str] = field(default_factory=dict[str, str])
    collector: bool = True


WAYS: Final[dict[str, Way]] = {
    ON: Way(),
    "without metrics": Way(parts=[METRICS]),
    "without spans": Way(settings=_NO_SPANS),
    "without logs": Way(settings=_SILENT),
    OFF: Way([METRICS, MIDDLEWARE], {**_SILENT, **_NO_SPANS}, collector=False),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One turn of one way."""

    requests_per_second: float
    cpu_us_per_request: float
    p99_ms: float


def measure(
    folder: Path, way: Way, otlp_url: str, requests: list[bytes], seconds: float
) -> Measured:
    """Start the services in this way and load them."""

    def command(service: str) -> list[str]:
        return [sys.executable, "-m", "benchmarks.overhead.service", service, *way.parts]

    settings = {
        **way.settings,
        **({"OTLP_ENDPOINT": otlp_url} if way.collector else {}),
        # An answer that stands in for a late one costs less, and would flatter the slower way.
        "RECOMMENDATION_BUDGET_SECONDS": "10",
    }
    with running_system(folder, command=command, **settings) as system:
        port = system.ports["backend-api"]
        processes = [psutil.Process(system.processes[name].pid) for name in SERVING]

        def used() -> float:
            return sum(one.user + one.system for one in (p.cpu_times() for p in processes))

        asyncio.run(closed_loop(HOST, port, requests, CONNECTIONS, WARM_UP_SECONDS, check))
        before = used()
        outcome = asyncio.run(closed_loop(HOST, port, requests, CONNECTIONS, seconds, check))
        answered = len(outcome.latencies)
        return Measured(
            answered / outcome.seconds,
            (used() - before) / answered * 1e6,
            outcome.percentile_ms(99),
        )


def measure_in_turns(turns: int, seconds: float) -> dict[str, list[Measured]]:
    """Fill the services once, then measure each way in turn.

    Raises:
        ProgramMissing: a program of the stack is not on this machine.
    """
    measured: dict[str, list[Measured]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as name, running_stack(Path(name) / "stack") as stack:
        folder = Path(name)
        with embedded(folder / "data") as services:
            key = services.key
            state = read_state(folder / "data")
            if state is None:
                raise RuntimeError("the launcher noted no sample")
        users = [state.known_user if n % 2 else f"unknown-{n}" for n in range(200)]
        bodies = [json.dumps({"user_id": user, "num_items": 10}).encode() for user in users]
        requests = [post(HOST, PATH, key, body) for body in bodies]
        for _ in range(turns):
            for way, so_far in measured.items():
                url = stack.collector.otlp_url
                so_far.append(measure(folder, WAYS[way], url, requests, seconds))
    return measured


def report(measured: dict[str, list[Measured]]) -> None:
    """A line for each way, then what it comes to: medians over the turns."""

    def median(way: str, figure: str) -> float:
        return statistics.median(getattr(one, figure) for one in measured[way])

    for way in measured:
        figures = {name: round(median(way, name), 2) for name in Measured.__slots__}
        print(json.dumps({"benchmark": "overhead", "way": way, **figures}))
    cpu = "cpu_us_per_request"
    parts = {
        way.removeprefix("without "): round(median(ON, cpu) - median(way, cpu), 1)
        for way in measured
        if way.startswith("without ")
    }
    rate = "requests_per_second"
    print(
        json.dumps(
            {
                "benchmark": "overhead",
                "ratio_on_to_off": round(median(ON, rate) / median(OFF, rate), 3),
                "ratio_on_to_off_per_cpu_second": round(median(OFF, cpu) / median(ON, cpu), 3),
                "all_us": round(median(ON, cpu) - median(OFF, cpu), 1),
                **{f"{part}_us": us for part, us in parts.items()},
            }
        )
    )


def main() -> None:
    """Measure and print; status 1 and one line where a program of the stack is missing."""
    parser = argparse.ArgumentParser(prog="benchmarks.overhead", description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0)
    arguments = parser.parse_args()
    try:
        report(measure_in_turns(arguments.turns, arguments.seconds))
    except ProgramMissing as missing:
        sys.exit(str(missing))


if __name__ == "__main__":
    main()
