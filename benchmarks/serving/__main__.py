"""`make bench-serving`: throughput, latency and CPU of recommendations beside the floors of any
such service, event to effect, and the Python client's own cost.

Starts the embedded services, a process each, on a simulated sample and loads them from the same
machine by an asyncio client in this process: its cost is in the rates and latencies, but not in the
CPU per request, which is that of the services. Spans and log lines go to a collector that keeps
none of them. Users are drawn as unequally as real popularity, one
in four being unknown; each answer is checked. Absolute times move with the machine: compare with
the floors, which the same run prints.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import orjson

from benchmarks.lines import show
from benchmarks.load.popularity import Popularity
from benchmarks.serving.client_overhead import measure_client_overhead
from benchmarks.serving.embedded import Embedded, embedded
from benchmarks.serving.floors import FLOORS, floor
from benchmarks.serving.load import post
from benchmarks.serving.measuring import HOST, measure
from benchmarks.serving.otlp_sink import otlp_sink
from benchmarks.serving.steady_load import percentile, steady_load
from recommender_client import Recommender, new_event

NUM_ITEMS = 10
USERS = 2_000
REQUESTS = 5_000
TRIES = 200
PATH = "/api/v1/recommendations"
SERVING = ("backend-api", "ml-engine")


def questions(key: str) -> list[bytes]:
    """Requests of known users by popularity, and of unknown ones."""
    chance, popularity = random.Random(1), Popularity(USERS)
    users = [
        f"u{popularity.draw(chance)}" if n % 4 else f"unknown-{chance.random()}"
        for n in range(REQUESTS)
    ]
    bodies = [json.dumps({"user_id": user, "num_items": NUM_ITEMS}).encode() for user in users]
    return [post(HOST, PATH, key, body) for body in bodies]


def check(body: bytes) -> None:
    """Raises RuntimeError where an answer is not live, short, or names an item twice."""
    answer = orjson.loads(body)
    items = {item["item_id"] for item in answer["items"]}
    if len(items) != NUM_ITEMS or answer.get("degraded") is not None:
        raise RuntimeError(f"a wrong answer: {body[:300]!r}")


def measure_floors(requests: Sequence[bytes], connections: int, seconds: float) -> None:
    """Print a line for each floor."""
    for name in FLOORS:
        with floor(name) as (port, processes):
            line = measure(processes, port, requests, connections, seconds, check=check)
        show(benchmark="serving floor", of=name, **line)


def measure_serving(
    services: Embedded, requests: Sequence[bytes], connections: int, seconds: float
) -> float:
    """Print a line for so many users at once; requests per second."""
    line = measure(
        {name: services.processes[name] for name in SERVING},
        services.port,
        requests,
        connections,
        seconds,
        check=check,
        metrics={name: f"http://{HOST}:{services.ports[name]}" for name in SERVING},
    )
    show(benchmark="serving", **line)
    return cast("float", line["requests_per_second"])


def measure_at_half_load(
    services: Embedded, requests: Sequence[bytes], per_second: float, seconds: float
) -> None:
    """Print latencies at half of `per_second`, requests being sent on time whatever happens."""
    with steady_load(services.port, requests, per_second / 2) as load:
        time.sleep(seconds)
    taken = [answer.seconds * 1000 for answer in load.answers if answer.status == 200]
    figures = {f"p{percent}_ms": round(percentile(taken, percent), 2) for percent in (50, 95, 99)}
    show(
        benchmark="serving at half load",
        requests_per_second=round(per_second / 2, 1),
        requests=len(load.answers),
        failed=len(load.answers) - len(taken),
        **figures,
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
    show(benchmark="event_to_effect", tries=TRIES, p50_ms=round(p50, 2), p99_ms=round(p99, 2))


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(prog="benchmarks.serving", description=__doc__)
    parser.add_argument("--items", type=int, default=50_000, help="in the simulated catalogue")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each line")
    arguments = parser.parse_args()
    measure_client_overhead()
    # What slows the machine for a moment must not make answers degraded ones.
    settings = {
        "SAMPLE": "simulator",
        "SIMULATOR_USERS": str(USERS),
        "SIMULATOR_ITEMS": str(arguments.items),
        "RECOMMENDATION_BUDGET_SECONDS": "10",
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        otlp_sink() as collector,
        embedded(Path(folder), OTLP_ENDPOINT=collector, **settings) as services,
    ):
        requests = questions(services.key)
        measure_floors(requests, arguments.connections[0], arguments.seconds)
        with Recommender(f"http://{HOST}:{services.port}", services.key) as client:
            popular = client.recommendations.for_user("nobody", num_items=50).items
            measure_event_to_effect(client, [item.item_id for item in popular])
        rates = [
            measure_serving(services, requests, connections, arguments.seconds)
            for connections in arguments.connections
        ]
        measure_at_half_load(services, requests, max(rates), arguments.seconds)


if __name__ == "__main__":
    main()
