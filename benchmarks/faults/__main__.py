"""`make bench-faults`: containers of a running `docker compose` are killed under load.

Each fault is one service, or a pair of them, that is killed and brought back. Each line that it
prints is JSON and says of one fault how many requests failed or were answered with less than a
live answer, how long it took until all was well, what became of the events, and which alerts
fired. Of a service with several replicas one is killed where its name is given as `name:1`.
"""

import argparse
import asyncio
import json
import os
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from typing import Final
from urllib.parse import urlsplit

from benchmarks.faults.alerts import AlertWatch
from benchmarks.faults.containers import containers_of, kill, start, wait_until_healthy
from benchmarks.load.sender import Answered, Sender, at_a_rate
from benchmarks.load.tenants import fill, make_tenants, read_books
from benchmarks.load.traffic import Tenant, Traffic

SEED: Final = 7
WELL_SECONDS: Final = 5.0
"""All is well when nothing failed for so long."""

PATIENCE_SECONDS: Final = 300.0
POLL_SECONDS: Final = 0.2
SERVICES: Final = (
    *("postgres", "redis", "kafka", "ml-engine", "data-pipeline", "backend-api:1"),
    *("collector", "loki", "jaeger"),
)


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
    services: Sequence[str]
    pairs: bool


class Load:
    """Requests at one rate for as long as the block lasts, and what became of them."""

    def __init__(self, options: Options, traffic: Traffic) -> None:
        places = [urlsplit(url) for url in options.url]
        self._sender = Sender([(one.hostname or "127.0.0.1", one.port or 80) for one in places])
        self._traffic = traffic
        self._rate = options.rate
        self._answers: list[Answered] = []

    async def __aenter__(self) -> "Load":
        rate, noted = self._rate, self._answers.append
        load = at_a_rate(self._sender, self._traffic.draw, rate, float("inf"), noted)
        self._task = asyncio.create_task(load)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._sender.close()

    def since(self, moment: float) -> Sequence[Answered]:
        """The answers to what was due from then on, a time of `time.perf_counter`."""
        return [one for one in self._answers if one.due >= moment]

    async def well(self, since: float) -> float:
        """Wait until all is well for a while; when that began, a time of `time.perf_counter`."""
        give_up = time.perf_counter() + PATIENCE_SECONDS
        while (now := time.perf_counter()) < give_up:
            answers = self.since(since)
            ill = [one.due + one.seconds for one in answers if one.failed or one.degraded]
            began = max([since, *ill])
            if now - began > WELL_SECONDS and any(one.due > began for one in answers):
                return began
            await asyncio.sleep(POLL_SECONDS)
        raise SystemExit(f"not well {PATIENCE_SECONDS:.0f} seconds after the fault was mended")


def main() -> None:
    """Make each fault in turn; status 1 where an acknowledged event was lost."""
    options = _options()
    tenants = make_tenants(
        options.url[0], options.operator_key, secrets.token_hex(3), options.tenants
    )
    traffic = Traffic(urlsplit(options.url[0]).netloc, tenants, SEED)
    past = fill(options.url[0], tenants, traffic, models=len(tenants))
    if not asyncio.run(_faults(options, tenants, traffic, past)):
        raise SystemExit(1)


async def _faults(options: Options, tenants: Sequence[Tenant], traffic: Traffic, past: int) -> bool:
    faults = [(one,) for one in options.services]
    lost = 0
    async with Load(options, traffic) as load:
        began = time.perf_counter()
        await load.well(began)
        for fault in [*faults, *(combinations(options.services, 2) if options.pairs else ())]:
            await _one_fault(fault, options, load)
            # The load goes on: what the books have by then may be more, and never less.
            acknowledged = past + sum(one.accepted for one in load.since(began))
            loaded = await _loaded(options.url[0], tenants, acknowledged)
            lost = max(acknowledged - loaded, 0)
            _tell(fault="+".join(fault), acknowledged_so_far=acknowledged, lost=lost)
    return not lost


async def _one_fault(fault: Sequence[str], options: Options, load: Load) -> None:
    killed = [one for service in fault for one in _containers(service)]
    watch = AlertWatch(options.prometheus)
    began = time.perf_counter()
    await asyncio.to_thread(kill, killed)
    await asyncio.sleep(options.down)
    with suppress(TimeoutError):
        async with asyncio.timeout(options.alert):
            await watch.first.wait()
    back = time.perf_counter()
    await asyncio.to_thread(start, killed)
    well = await load.well(back)
    await asyncio.to_thread(wait_until_healthy, killed)
    healthy = time.perf_counter()
    await watch.end()
    answers = load.since(began)
    _tell(
        fault="+".join(fault),
        down_seconds=round(back - began, 1),
        requests=len(answers),
        failed=sum(one.failed for one in answers),
        degraded=sum(one.degraded for one in answers),
        well_after_seconds=round(well - back, 1),
        healthy_after_seconds=round(healthy - back, 1),
        acknowledged=sum(one.accepted for one in answers),
        answers=dict(Counter(f"{one.status} {one.code}".strip() for one in answers).most_common()),
        alerts=watch.fired,
    )


def _containers(service: str) -> Sequence[str]:
    name, _, count = service.partition(":")
    return containers_of(name)[: int(count) if count else None]


async def _loaded(url: str, tenants: Sequence[Tenant], at_least: int) -> int:
    """What the books have as loaded, once that is enough, or after a while."""
    give_up = time.perf_counter() + PATIENCE_SECONDS
    while True:
        loaded, balanced = await asyncio.to_thread(read_books, url, tenants)
        if (balanced and loaded >= at_least) or time.perf_counter() > give_up:
            return loaded
        await asyncio.sleep(POLL_SECONDS)


def _tell(**line: object) -> None:
    print(json.dumps({"benchmark": "faults", **line}), flush=True)


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
    parser.add_argument("--services", nargs="+", default=SERVICES)
    parser.add_argument("--pairs", action="store_true", help="after each alone, each two of them")
    chosen = parser.parse_args()
    key = os.environ.get("ADMIN_API_KEY", "")
    if not key:
        parser.error("set ADMIN_API_KEY to a key of the operator")
    return Options(operator_key=key, **vars(chosen))


if __name__ == "__main__":
    main()
