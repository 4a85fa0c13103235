"""`make bench-faults`: containers of a running `docker compose` are killed under load.

Each fault is a service, or several as in `postgres+redis`, that are killed and brought back. Each
line that it prints is JSON and says of one fault how many requests failed or were answered with
less than a live answer, how long it took until all was well, what became of the events, and which
alerts fired. Of a service with several replicas one is killed where its name is given as `name:1`.
"""

import argparse
import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Final
from urllib.parse import urlsplit

from benchmarks.faults.alerts import AlertWatch
from benchmarks.faults.containers import containers_of, kill, start, wait_until_healthy
from benchmarks.faults.load import Load
from benchmarks.lines import show
from benchmarks.load.tenants import fill, make_tenants, operator_key, read_books
from benchmarks.load.traffic import SHARES, Tenant, Traffic

SEED: Final = 7
# An event that is sent again after the erasure of its user is a new one, and would count twice.
COUNTABLE: Final = {kind: part for kind, part in SHARES.items() if kind != "user erased"}
BOOKS_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.5
NONE: Final = "none"
"""Nothing is killed: what is worse under a fault than in this one is the fault's."""

FAULTS: Final = (
    *("postgres", "redis", "kafka", "ml-engine", "data-pipeline", "backend-api:1"),
    *("collector", "loki", "jaeger"),
)

tell = partial(show, benchmark="faults")


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked, as the command line says it."""

    url: Sequence[str]
    prometheus: str
    operator_key: str
    rate: float
    down: float
    alert: float
    tenants: int
    faults: Sequence[str]
    pairs: bool


def main() -> None:
    """Make each fault in turn; status 1 where the books are not what was acknowledged."""
    options = _options()
    url = options.url[0]
    tenants = make_tenants(url, options.operator_key, secrets.token_hex(3), options.tenants)
    traffic = Traffic(urlsplit(url).netloc, tenants, SEED, COUNTABLE)
    acknowledged = fill(url, tenants, traffic, models=len(tenants))
    pairs = ["+".join(pair) for pair in combinations(options.faults, 2) if options.pairs]
    for fault in [NONE, *options.faults, *pairs]:
        acknowledged += asyncio.run(_one_fault(fault, options, traffic))
        loaded = _loaded(url, tenants, acknowledged)
        tell(fault=fault, acknowledged_so_far=acknowledged, lost=acknowledged - loaded)
        if loaded != acknowledged:
            raise SystemExit(1)


async def _one_fault(fault: str, options: Options, traffic: Traffic) -> int:
    """Make it and tell what came of it; how many events were acknowledged."""
    killed = (
        [] if fault == NONE else [one for name in fault.split("+") for one in _containers(name)]
    )
    async with Load(options.url, traffic, options.rate) as load:
        if await load.well(time.perf_counter()) is None:
            raise SystemExit(f"not well before the fault {fault}")
        watch = AlertWatch(options.prometheus)
        began = time.perf_counter()
        await asyncio.to_thread(kill, killed)
        await asyncio.sleep(options.down)
        with suppress(TimeoutError):
            async with asyncio.timeout(options.alert if killed else 0):
                await watch.first.wait()
        back = time.perf_counter()
        await asyncio.to_thread(start, killed)
        well = await load.well(back)
        await asyncio.to_thread(wait_until_healthy, killed)
        healthy = time.perf_counter()
        await watch.end()
    answers = load.since(began)
    tell(
        fault=fault,
        down_seconds=round(back - began, 1),
        requests=len(answers),
        failed=sum(one.failed for one in answers),
        refused=sum(one.status == 503 for one in answers),
        degraded=sum(one.degraded for one in answers),
        well_after_seconds=None if well is None else round(well - back, 1),
        healthy_after_seconds=round(healthy - back, 1),
        answers=dict(Counter(f"{one.status} {one.code}".strip() for one in answers).most_common()),
        alerts=watch.fired,
    )
    return await load.acknowledged()


def _containers(service: str) -> Sequence[str]:
    name, _, count = service.partition(":")
    return containers_of(name)[: int(count) if count else None]


def _loaded(url: str, tenants: Sequence[Tenant], expected: int) -> int:
    """What the books have as loaded, once that is what is expected, or after a while."""
    give_up = time.monotonic() + BOOKS_SECONDS
    while True:
        loaded, balanced = read_books(url, tenants)
        if (balanced and loaded == expected) or time.monotonic() > give_up:
            return loaded
        time.sleep(POLL_SECONDS)


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument(
        "--url", nargs="+", default=["http://127.0.0.1:8000"], help="replicas of backend-api"
    )
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090")
    parser.add_argument("--rate", type=float, default=20, help="requests a second")
    parser.add_argument("--down", type=float, default=15, help="seconds at least")
    parser.add_argument(
        "--alert", type=float, default=0, help="stay down so much longer, or until an alert fires"
    )
    parser.add_argument("--tenants", type=int, default=5)
    parser.add_argument("--faults", nargs="+", default=FAULTS, help="such as redis redis+kafka")
    parser.add_argument("--pairs", action="store_true", help="after each, each two of them")
    chosen = parser.parse_args()
    return Options(operator_key=operator_key(parser), **vars(chosen))


if __name__ == "__main__":
    main()
