"""A hundred tenants at once, one of them far over its limit: the others do not notice.

Quiet and noisy phases take turns, so that what the machine does meanwhile falls on both.
"""

import statistics
import sys
import time
from collections.abc import Generator
from decimal import Decimal

import pytest
from benchmarks.serving.load import post
from benchmarks.serving.steady_load import Answered, SteadyLoad, percentile, steady_load
from tests.system.processes import System, running_system

from recommender_client.models import Item, PlanSettings, RateLimit, RouteClass

pytestmark = [pytest.mark.slow, pytest.mark.measuring, pytest.mark.timeout(400)]

TENANTS = 100
QUIET_PER_SECOND = 30
LIMIT_PER_SECOND = 5
TIMES_ITS_LIMIT = 20
PHASE_SECONDS = 8.0
ROUNDS = 4
PATH = "/api/v1/recommendations"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Generator[System]:
    with running_system(tmp_path_factory.mktemp("noisy")) as system:
        yield system


def request_of(key: str) -> bytes:
    return post("127.0.0.1", PATH, key, b'{"user_id":"u1","num_items":5}')


def with_catalogue(system: System, tenant_id: str, plan_id: str) -> str:
    key = system.new_tenant(tenant_id, plan_id=plan_id)
    items = [Item(item_id=f"i{n}", title=f"Item {n}") for n in range(20)]
    with system.recommender(key) as client:
        assert client.items.send(items).accepted == len(items)
    return key


def phase(load: SteadyLoad) -> list[Answered]:
    """What is asked in the next `PHASE_SECONDS`, answered."""
    start = load.now()
    time.sleep(PHASE_SECONDS)  # A phase is a span of time: there is nothing else to wait for.
    end = load.now()
    return [one for one in list(load.answers) if start <= one.due < end]


def test_a_noisy_tenant_slows_no_other(system: System) -> None:
    limit = RateLimit(per_second=LIMIT_PER_SECOND, burst=LIMIT_PER_SECOND)
    plan = PlanSettings(
        limits={RouteClass.SERVING: limit}, price_per_1000_requests=Decimal(0), currency="EUR"
    )
    with system.operator() as operator:
        operator.plans.put("narrow", plan)
    noisy = request_of(with_catalogue(system, "noisy", "narrow"))
    others = [
        request_of(with_catalogue(system, f"quiet-{n}", "enterprise")) for n in range(TENANTS - 1)
    ]
    port = system.ports["backend-api"]
    quiet: list[list[Answered]] = []
    disturbed: list[list[Answered]] = []
    refused: list[Answered] = []
    with steady_load(port, others, QUIET_PER_SECOND) as load:
        phase(load)
        for _ in range(ROUNDS):
            quiet.append(phase(load))
            with steady_load(port, [noisy], LIMIT_PER_SECOND * TIMES_ITS_LIMIT) as noise:
                disturbed.append(phase(load))
            refused += [one for one in noise.answers if one.status == 429]
            assert {one.status for one in noise.answers} == {200, 429}
            allowed = len(noise.answers) - sum(one.status == 429 for one in noise.answers)
            assert allowed <= LIMIT_PER_SECOND * (PHASE_SECONDS + 2)
    assert {one.status for one in load.answers} == {200}
    assert len(refused) > 0.8 * ROUNDS * PHASE_SECONDS * LIMIT_PER_SECOND * (TIMES_ITS_LIMIT - 1)
    assert all(one.body["code"] == "rate_limited" for one in refused)

    def measured(phases: list[list[Answered]], percent: float) -> float:
        each = [percentile([one.seconds for one in answers], percent) for answers in phases]
        return statistics.median(each) * 1000

    alone, beside = measured(quiet, 99), measured(disturbed, 99)
    sys.stdout.write(
        f"\n{TENANTS} tenants, one at {TIMES_ITS_LIMIT} times its limit: the others' p50 "
        f"{measured(quiet, 50):.1f} ms alone, {measured(disturbed, 50):.1f} ms beside it; p99 "
        f"{alone:.1f} and {beside:.1f} ms, {beside / alone - 1:+.0%}; a refusal takes "
        f"{percentile([one.seconds for one in refused], 50) * 1000:.1f} ms\n"
    )
