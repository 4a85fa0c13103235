"""`make bench-serving`: throughput, latency and CPU of recommendations, event to effect, and the
Python client's own cost.

Starts the embedded services on their sample and loads them from the same machine, so the
client's own cost is in the rates but not in the CPU per request, which is the services'.
"""

import asyncio
import json
import tempfile
import time
from pathlib import Path

from benchmarks.serving.client_overhead import measure_client_overhead
from benchmarks.serving.embedded import Embedded, embedded
from benchmarks.serving.load import Outcome, closed_loop, post
from launcher.demo.state import read_state
from recommender_client import Recommender, new_event

HOST = "127.0.0.1"
CONNECTIONS = 8
WARM_UP_SECONDS = 3.0
SECONDS = 15.0
TRIES = 200
PATH = "/api/v1/recommendations"


def measure_serving(services: Embedded, known_user: str) -> None:
    """Print one line: requests for a known user and for users nobody has seen, half each."""
    users = [known_user if n % 2 else f"unknown-{n}" for n in range(200)]
    bodies = [json.dumps({"user_id": user, "num_items": 10}).encode() for user in users]
    requests = [post(HOST, PATH, services.key, body) for body in bodies]

    def load(seconds: float) -> Outcome:
        return asyncio.run(closed_loop(HOST, services.port, requests, CONNECTIONS, seconds))

    load(WARM_UP_SECONDS)
    before = services.cpu_seconds()
    outcome = load(SECONDS)
    after = services.cpu_seconds()
    answered = len(outcome.latencies)
    cpu = {name: after[name] - before[name] for name in after}
    print(
        json.dumps(
            {
                "benchmark": "serving",
                "connections": CONNECTIONS,
                "requests": answered,
                "requests_per_second": round(answered / outcome.seconds, 1),
                "requests_per_second_per_core": round(answered / sum(cpu.values()), 1),
                "p50_ms": round(outcome.percentile_ms(50), 2),
                "p95_ms": round(outcome.percentile_ms(95), 2),
                "p99_ms": round(outcome.percentile_ms(99), 2),
                "cpu_ms_per_request": {n: round(s / answered * 1000, 3) for n, s in cpu.items()},
                "memory_mb": services.memory_mb(),
            }
        )
    )


def measure_event_to_effect(client: Recommender, item_ids: list[str]) -> None:
    """Print one line: from sending an event to an answer that shows its effect."""
    milliseconds: list[float] = []
    for turn in range(TRIES):
        user = f"bench-{time.time_ns()}"
        event = new_event(user, item_ids[turn % len(item_ids)], "like")
        started = time.perf_counter()
        client.events.send([event])
        answer = client.recommendations.for_user(user)
        milliseconds.append((time.perf_counter() - started) * 1000)
        if answer.algorithm == "popularity":
            raise RuntimeError("an acknowledged event had no effect")
    milliseconds.sort()
    p50, p99 = milliseconds[TRIES // 2], milliseconds[TRIES * 99 // 100]
    line = {"benchmark": "event_to_effect", "tries": TRIES, "p50_ms": p50, "p99_ms": p99}
    print(json.dumps({k: round(v, 2) if isinstance(v, float) else v for k, v in line.items()}))


def main() -> None:
    """Run all three."""
    measure_client_overhead()
    with tempfile.TemporaryDirectory() as folder, embedded(Path(folder)) as services:
        state = read_state(Path(folder))
        if state is None:
            raise RuntimeError("the launcher noted no sample")
        with Recommender(f"http://{HOST}:{services.port}", services.key) as client:
            popular = client.recommendations.for_user("nobody", num_items=50).items
            measure_event_to_effect(client, [item.item_id for item in popular])
        measure_serving(services, state.known_user)


if __name__ == "__main__":
    main()
