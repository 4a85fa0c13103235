"""`python -m benchmarks.serving.guard`: what a recommendation costs, beside what it cost before.

Each question is a new one, so that nothing is answered from memory; `calls_when_asked_before` are
those of a question that is. Both services stand in one process without a network, over a shop of
some hundreds of items, so that this takes seconds and says nearly the same on any day: calls of
functions and memory per request, which do not depend on the machine, and CPU as a multiple of a
FastAPI route's with a model in and out. `landed.json` has the figures of the last change that was
made for speed; `--land` writes it anew. It prints, and never fails because something got slower.
"""

import argparse
import asyncio
import cProfile
import gc
import json
import os
import pstats
import random
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.system.processes import running_system, stocked_shop

from benchmarks.lines import show
from benchmarks.load.popularity import Popularity
from benchmarks.serving.floors import framework
from benchmarks.serving.in_process import PATH, AsgiService, Ask, both_services
from benchmarks.serving.otlp_sink import otlp_sink
from contracts.transport import Request

LANDED: Final = Path(__file__).with_name("landed.json")
USERS: Final = 300
BATCH: Final = 50
TURNS: Final = 12
Figures = dict[str, float]


def questions(turn: int) -> list[bytes]:
    """Known users by popularity, one in four unknown; others than those of another turn."""
    chance, popularity = random.Random(1), Popularity(USERS)
    users = [f"u{popularity.draw(chance)}" if n % 4 else f"unknown-{n}" for n in range(BATCH)]
    return [
        json.dumps(
            {"user_id": user, "num_items": 10, "context": {"device": f"{turn}.{n}"}}
        ).encode()
        for n, user in enumerate(users)
    ]


async def cpu_us(ask: Callable[[bytes], Awaitable[object]], bodies: list[bytes]) -> float:
    """Microseconds of CPU of one request."""
    started = time.thread_time()
    for body in bodies:
        await ask(body)
    return (time.thread_time() - started) / len(bodies) * 1e6


async def figures(ask: Ask) -> Figures:
    """CPU in turns with the floor, of each the least; then calls, then memory."""
    floor = AsgiService(framework())

    async def ask_floor(body: bytes) -> object:
        headers = {"content-type": "application/json"}
        return await floor.send(Request("POST", PATH, body, headers))

    for body in questions(0):
        await ask(body)
    gc.collect()
    gc.freeze()
    ours, floors = list[float](), list[float]()
    for turn in range(1, TURNS + 1):
        bodies = questions(turn)
        floors.append(await cpu_us(ask_floor, bodies))
        ours.append(await cpu_us(ask, bodies))
    new = questions(TURNS + 1)
    calls, calls_again = await _calls(ask, new), await _calls(ask, new)
    tracemalloc.start()
    held = [await _held_kb(ask, body) for body in questions(TURNS + 2)]
    tracemalloc.stop()
    return {
        "cpu_to_fastapi": round(min(ours) / min(floors), 2),
        "calls": calls,
        "calls_when_asked_before": calls_again,
        "memory_kb": round(sorted(held)[len(held) // 2], 1),
    }


async def _calls(ask: Ask, bodies: list[bytes]) -> int:
    """Calls of functions of one request."""
    profile = cProfile.Profile()
    profile.enable()
    for body in bodies:
        await ask(body)
    profile.disable()
    calls: int = pstats.Stats(profile).total_calls  # pyright: ignore[reportAttributeAccessIssue]
    return round(calls / len(bodies))


async def _held_kb(ask: Ask, body: bytes) -> float:
    """What a request holds at the most."""
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    await ask(body)
    return (tracemalloc.get_traced_memory()[1] - before) / 1024


@contextmanager
def _silent() -> Generator[None]:
    """Log lines are written, to nowhere."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


async def _measure(data_dir: Path, service_token: str, key: str) -> Figures:
    with otlp_sink() as url:
        async with both_services(data_dir, service_token, key, url) as ask:
            return await figures(ask)


def main() -> None:
    """Fill a shop, measure, print."""
    parser = argparse.ArgumentParser(prog="benchmarks.serving.guard", description=__doc__)
    parser.add_argument("--land", action="store_true", help="keep the figures as the landed ones")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        with running_system(Path(name)) as system:
            key, token = stocked_shop(system), system.service_token
        with _silent():
            now = asyncio.run(_measure(Path(name) / "data", token, key))
    if arguments.land:
        LANDED.write_text(json.dumps(now, indent=2) + "\n")
    show(benchmark="a recommendation", now=now, landed=json.loads(LANDED.read_text()))


if __name__ == "__main__":
    main()
