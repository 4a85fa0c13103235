"""`make bench-load`: the traffic of many tenants, sent to services that run.

It makes tenants by the operator's API, gives each a catalogue and a past, trains models for the
busiest, measures how many requests a second are answered at most, and then sends a share of that
for so many seconds. Each line that it prints is JSON; the last says whether every event that was
acknowledged is in the books.
"""

import argparse
import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.lines import show
from benchmarks.load.memory import Watch, of_containers, of_processes
from benchmarks.load.sender import Answered, Sender, as_fast_as_possible, moments, when_due
from benchmarks.load.tenants import fill, make_tenants, operator_key, read_books
from benchmarks.load.traffic import Tenant, Traffic

SEED: Final = 7
WARM_UP_SECONDS: Final = 3.0
CAPACITY_SECONDS: Final = 10.0
CONNECTIONS: Final = 16
LAG_SECONDS: Final = 60.0
LAGS: Final = ("feature_freshness_seconds", "kafka_consumer_lag")

tell = partial(show, benchmark="load")


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked, as the command line says it."""

    url: Sequence[str]
    ml_engine: str
    data_pipeline: str
    operator_key: str
    seconds: float
    rate: float
    tenants: int
    models: int
    containers: bool


def main() -> None:
    """Measure; status 1 where an acknowledged event was lost."""
    options = _options()
    run = secrets.token_hex(3)
    url = options.url[0]
    tenants = make_tenants(url, options.operator_key, run, options.tenants)
    traffic = Traffic(urlsplit(url).netloc, tenants, SEED)
    began = time.monotonic()
    past = fill(url, tenants, traffic, options.models)
    tell(prepared_tenants=len(tenants), events=past, seconds=round(time.monotonic() - began, 1))
    before, answers = asyncio.run(_loaded(options, traffic))
    tell(lag_seconds_left=_lag_left(options.data_pipeline))
    if not _books_agree(url, tenants, past, [*before, *answers]):
        raise SystemExit(1)


async def _loaded(
    options: Options, traffic: Traffic
) -> tuple[Sequence[Answered], Sequence[Answered]]:
    """The answers while the capacity was measured, and those of the load itself."""
    sender = Sender(options.url)
    warm = await as_fast_as_possible(sender, traffic.draw, CONNECTIONS, WARM_UP_SECONDS)
    fast = await as_fast_as_possible(sender, traffic.draw, CONNECTIONS, CAPACITY_SECONDS)
    capacity = sum(one.status > 0 for one in fast) / CAPACITY_SECONDS
    per_second = capacity * options.rate
    answers: list[Answered] = []
    tell(capacity_per_second=round(capacity, 1), share=options.rate, sent=round(per_second, 1))
    with Watch(_sizes(options)) as watch:
        due = moments(per_second, options.seconds)
        await when_due(sender, traffic.draw, due, answers.append)
    await sender.close()
    for kind in sorted({one.kind for one in answers}):
        _tell_answers(kind, [one for one in answers if one.kind == kind], options.seconds)
    _tell_answers("all", answers, options.seconds)
    for line in watch.lines():
        tell(**line)
    return [*warm, *fast], answers


def _sizes(options: Options) -> Callable[[], Any]:
    if options.containers:
        return of_containers
    ports = {
        "backend-api": urlsplit(options.url[0]).port or 80,
        "ml-engine": urlsplit(options.ml_engine).port or 80,
        "data-pipeline": urlsplit(options.data_pipeline).port or 80,
    }
    return of_processes(ports)


def _tell_answers(kind: str, answers: Sequence[Answered], seconds: float) -> None:
    latencies = sorted(one.seconds for one in answers)
    statuses = Counter(f"{one.status or ''} {one.code}".strip() for one in answers)

    def milliseconds(percent: float) -> float:
        place = min(int(len(latencies) * percent / 100), len(latencies) - 1)
        return round(latencies[place] * 1000, 1)

    tell(
        kind=kind,
        requests=len(answers),
        per_second=round(len(answers) / seconds, 1),
        p50_ms=milliseconds(50),
        p95_ms=milliseconds(95),
        p99_ms=milliseconds(99),
        failed=sum(one.failed for one in answers),
        answers=dict(statuses.most_common()),
    )


def _lag_left(url: str) -> float | None:
    """How long until nothing was left to be done; None where it cannot be asked, or took longer."""
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < LAG_SECONDS:
        try:
            text = httpx2.get(f"{url}/metrics", timeout=10).text
        except httpx2.TransportError:
            return None
        families = text_string_to_metric_families(text)
        lags = [one.value for family in families if family.name in LAGS for one in family.samples]
        if not any(lags):
            return round(elapsed, 1)
        time.sleep(0.2)
    return None


def _books_agree(
    url: str, tenants: Sequence[Tenant], past: int, answers: Sequence[Answered]
) -> bool:
    """Whether the books balance and have each event that was acknowledged, and none unsent."""
    acknowledged = past + sum(one.acknowledged for one in answers)
    unknown = sum(one.unknown.events for one in answers if one.unknown)
    loaded, balanced = read_books(url, tenants)
    tell(
        acknowledged=acknowledged,
        unknown=unknown,
        loaded=loaded,
        lost=max(acknowledged - loaded, 0),
        balanced=balanced,
    )
    return balanced and acknowledged <= loaded <= acknowledged + unknown


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument(
        "--url", nargs="+", default=["http://127.0.0.1:8000"], help="replicas of backend-api"
    )
    parser.add_argument("--ml-engine", default="http://127.0.0.1:8001", help="for its memory")
    parser.add_argument("--data-pipeline", default="http://127.0.0.1:8002", help="for its lag too")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=0.5, help="share of the measured capacity")
    parser.add_argument("--tenants", type=int, default=100)
    parser.add_argument("--models", type=int, default=3, help="for how many tenants to train one")
    parser.add_argument("--containers", action="store_true", help="memory as docker stats tells")
    chosen = parser.parse_args()
    return Options(operator_key=operator_key(parser), **vars(chosen))


if __name__ == "__main__":
    main()
