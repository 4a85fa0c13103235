"""`make bench-serving-cost`: what a recommendation costs by users at once and by items.

By users: the three services with everything on, over 1,000 items; CPU of backend-api and ml-engine.
By items: the pipeline of ml-engine alone (history, user tower, search by the index that training
would choose, re-ranking, reasons), since services take long to be filled with a million items;
CPU of its thread. Prints a line of JSON for each, and `--plot FILE` draws them as SVG.
"""

import argparse
import asyncio
import json
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from tests.unit.ml_engine.retrieval.worlds import TENANT

from benchmarks.lines import show
from benchmarks.load.popularity import Popularity
from benchmarks.serving.__main__ import SERVING, check, questions
from benchmarks.serving.catalogues import USERS, recommender
from benchmarks.serving.embedded import embedded
from benchmarks.serving.floors import FLOORS, floor
from benchmarks.serving.measuring import measure
from benchmarks.serving.otlp_sink import otlp_sink
from benchmarks.serving.plot import Panel, draw
from contracts.recommendations import RecommendationQuery
from ml_engine.retrieval.index import VectorIndex

ITEMS_BY_USERS = 1_000
DIMENSIONS = 64
QUESTIONS = 2_000
SEARCHES = 400
DEPTH = 31


def by_users(at_once: Sequence[int], seconds: float) -> list[dict[str, Any]]:
    """A line for each number of users at once, the floors first."""
    settings = {
        "SAMPLE": "simulator",
        "SIMULATOR_ITEMS": str(ITEMS_BY_USERS),
        "RECOMMENDATION_BUDGET_SECONDS": "30",
    }
    lines: list[dict[str, Any]] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        otlp_sink() as collector,
        embedded(Path(folder), OTLP_ENDPOINT=collector, **settings) as services,
    ):
        requests = questions(services.key)
        for name in FLOORS:
            with floor(name) as (port, processes):
                line = measure(processes, port, requests, 8, seconds, check=check)
            show(benchmark="serving floor", of=name, **line)
        processes = {name: services.processes[name] for name in SERVING}
        for users in at_once:
            line = measure(processes, services.port, requests, users, seconds, check=check)
            lines.append(line)
            show(benchmark="cost by users", **line)
    return lines


def by_items(sizes: Sequence[int]) -> list[dict[str, Any]]:
    """A line for each size of the catalogue."""
    faiss.omp_set_num_threads(1)
    lines: list[dict[str, Any]] = []
    for n_items in sizes:
        line = asyncio.run(_of_catalogue(n_items))
        lines.append(line)
        show(benchmark="cost by items", **line)
    return lines


async def _of_catalogue(n_items: int) -> dict[str, Any]:
    built = time.thread_time()
    asked, index = recommender(n_items, DIMENSIONS)
    built = time.thread_time() - built
    chance, popularity = random.Random(1), Popularity(USERS)
    queries = [RecommendationQuery(user_id=f"u{popularity.draw(chance)}") for _ in range(QUESTIONS)]
    for query in queries[:100]:
        await asked.recommend(TENANT, query)
    cpu: list[float] = []
    for query in queries:
        started = time.thread_time()
        answer = await asked.recommend(TENANT, query)
        cpu.append((time.thread_time() - started) * 1e6)
        if len(answer.items) != query.num_items:
            raise RuntimeError(f"a short answer of {len(answer.items)} items")
    cpu.sort()
    return {
        "items": n_items,
        "dimensions": DIMENSIONS,
        "index": index.index_type,
        "cpu_us_mean": round(statistics.fmean(cpu)),
        "cpu_us_p50": round(cpu[len(cpu) // 2]),
        "cpu_us_p99": round(cpu[len(cpu) * 99 // 100]),
        "search_us_p50": round(_search_us(index)),
        "seconds_to_build": round(built, 1),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _search_us(index: VectorIndex) -> float:
    """The median CPU of a search alone, of as many as an answer of ten asks for."""
    taken: list[float] = []
    rng = np.random.default_rng(3)
    for row in rng.integers(0, len(index), SEARCHES).tolist():
        started = time.thread_time()
        index.search(index.vectors[row : row + 1], DEPTH)
        taken.append((time.thread_time() - started) * 1e6)
    return statistics.median(taken)


def plot(users: Sequence[dict[str, Any]], items: Sequence[dict[str, Any]], to: Path) -> None:
    """Draw the two, the axes of both growing by factors."""
    cpu = [(line["connections"], line["cpu_ms_per_request"]) for line in users]
    by_service = {
        "both services": [(n, sum(ms.values()) * 1000) for n, ms in cpu],
        "ml-engine": [(n, ms["ml-engine"] * 1000) for n, ms in cpu],
    }
    pipeline = [(line["items"], line["cpu_us_p50"]) for line in items]
    search = [(line["items"], line["search_us_p50"]) for line in items]
    panels = [
        Panel("CPU by users at once", "users at once", by_service),
        Panel("The pipeline by items", "items", {"pipeline": pipeline, "its search alone": search}),
    ]
    to.write_text(draw(panels, "microseconds a request"))


def main() -> None:
    """Measure, print, and draw where asked to; or draw lines that were printed before."""
    parser = argparse.ArgumentParser(prog="benchmarks.serving.cost", description=__doc__)
    parser.add_argument("--users", type=int, nargs="*", default=[1, 4, 16, 64, 256])
    sizes = [1_000, 10_000, 50_000, 100_000, 1_000_000]
    parser.add_argument("--items", type=int, nargs="*", default=sizes)
    parser.add_argument("--seconds", type=float, default=8.0, help="for each line by users")
    parser.add_argument("--lines", type=Path, help="lines that were printed before, to draw")
    parser.add_argument("--plot", type=Path, help="the SVG to write")
    arguments = parser.parse_args()
    if arguments.lines is None:
        users, items = by_users(arguments.users, arguments.seconds), by_items(arguments.items)
    else:
        said = [json.loads(line) for line in arguments.lines.read_text().splitlines()]
        users = [line for line in said if line["benchmark"] == "cost by users"]
        items = [line for line in said if line["benchmark"] == "cost by items"]
    if arguments.plot is not None:
        plot(users, items, arguments.plot)


if __name__ == "__main__":
    main()
