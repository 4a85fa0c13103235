"""One line of figures: a closed loop against processes whose CPU and memory are counted."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import httpx2
import psutil
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.serving.load import closed_loop

HOST = "127.0.0.1"
WARM_UP_SECONDS = 3.0
STAGES = {
    "http_request_duration_seconds": "endpoint",
    "port_operation_duration_seconds": "operation",
    "ml_model_inference_duration_seconds": "operation",
}
"""What the services time themselves, and the label that says of what."""


def measure(
    processes: Mapping[str, psutil.Process],
    port: int,
    requests: Sequence[bytes],
    connections: int,
    seconds: float,
    *,
    check: Callable[[bytes], None],
    metrics: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """Load the service at `port` for a while; each answer passes `check`.

    CPU is that of `processes` alone. `metrics` are the addresses of services by name; with them the
    figures hold where the time of a request went, as the services themselves tell.
    """

    async def load(for_seconds: float) -> tuple[int, float, list[float]]:
        outcome = await closed_loop(HOST, port, requests, connections, for_seconds, check)
        figures = [outcome.percentile_ms(percent) for percent in (50, 95, 99)]
        return len(outcome.latencies), outcome.seconds, figures

    asyncio.run(load(WARM_UP_SECONDS))
    before, timed = _cpu(processes), _timed(metrics or {})
    answered, took, (p50, p95, p99) = asyncio.run(load(seconds))
    cpu = {name: used - before[name] for name, used in _cpu(processes).items()}
    line: dict[str, object] = {
        "connections": connections,
        "requests": answered,
        "requests_per_second": round(answered / took, 1),
        "requests_per_second_per_core": round(answered / sum(cpu.values()), 1),
        "p50_ms": round(p50, 2),
        "p95_ms": round(p95, 2),
        "p99_ms": round(p99, 2),
        "cpu_ms_per_request": {n: round(s / answered * 1000, 3) for n, s in cpu.items()},
        "memory_mb": {n: round(p.memory_info().rss / 1e6, 1) for n, p in processes.items()},
    }
    if metrics:
        spent = {stage: s - timed.get(stage, 0) for stage, s in _timed(metrics).items()}
        shares = {stage: round(s / answered * 1e6) for stage, s in spent.items()}
        line["us_per_request"] = {stage: us for stage, us in shares.items() if us > 0}
    return line


def _cpu(processes: Mapping[str, psutil.Process]) -> dict[str, float]:
    times = {name: process.cpu_times() for name, process in processes.items()}
    return {name: used.user + used.system for name, used in times.items()}


def _timed(metrics: Mapping[str, str]) -> dict[str, float]:
    """Seconds so far by service and stage."""
    found: dict[str, float] = {}
    for service, url in metrics.items():
        text = httpx2.get(f"{url}/metrics", trust_env=False).text
        for family in text_string_to_metric_families(text):
            label = STAGES.get(family.name)
            for sample in family.samples if label else ():
                if label and sample.name.endswith("_sum"):
                    stage = f"{service} {sample.labels[label]}"
                    found[stage] = found.get(stage, 0.0) + sample.value
    return found
