"""Two replicas of each service in containers are one service to whoever calls them."""

import secrets
from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from itertools import cycle, islice
from typing import Any, Final

import httpx2
import pytest
from tests.containers.composed_system import ComposedSystem
from tests.real_processes import wait_for

from launcher.sample.simulator import SimulatorSettings, simulate
from recommender_client.models import PlanSettings, RateLimit, RouteClass, Scope

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
AT_ONCE: Final = 16
BURST: Final = 40
HARDLY: Final = 0.001
SAME_WITHIN_SECONDS: Final = 5.0
SCRAPED_WITHIN_SECONDS: Final = 60.0


@pytest.fixture(scope="module")
def system() -> Generator[ComposedSystem]:
    with ComposedSystem() as system:
        yield system


class Tenant:
    """A new tenant, and a client of theirs for each replica of backend-api."""

    def __init__(self, system: ComposedSystem, **limits: RateLimit) -> None:
        self.tenant_id = f"replicas-{secrets.token_hex(4)}"
        plan = PlanSettings(
            limits={RouteClass(name): limit for name, limit in limits.items()},
            price_per_1000_requests=Decimal(0),
            currency="EUR",
        )
        with system.operator() as operator:
            operator.plans.put(self.tenant_id, plan)
            operator.tenants.create(self.tenant_id, plan_id=self.tenant_id)
            created = operator.keys.create(self.tenant_id, scopes=list(Scope))
        assert created.key is not None
        self.clients = system.clients(created.key)
        self.recommenders = system.recommenders(created.key)

    def ask(self, path: str, body: dict[str, Any], times: int) -> list[httpx2.Response]:
        """The answers of the replicas, asked in turns, many at a time."""
        with ThreadPoolExecutor(AT_ONCE) as threads:
            asked = threads.map(
                lambda client: client.post(f"/api/v1/{path}", json=body),
                islice(cycle(self.clients), times),
            )
            return list(asked)

    def recommend(self, times: int) -> list[httpx2.Response]:
        """The answers to one question."""
        return self.ask("recommendations", {"user_id": "u1", "num_items": 5}, times)


@pytest.fixture(scope="module")
def shop(system: ComposedSystem) -> Tenant:
    """A tenant with two models, of which the later one serves."""
    tenant = Tenant(system)
    client = tenant.recommenders[0]
    sample = simulate(SimulatorSettings(users=200, items=100, events=4_000))
    assert client.items.send(sample.items).rejected == []
    for half in (sample.events[:2_000], sample.events[2_000:]):
        assert client.events.send(half).rejected == []
        client.training.wait(client.training.start().job_id, timeout_seconds=200)
    return tenant


def test_a_rate_limit_is_exact_over_both(system: ComposedSystem) -> None:
    tenant = Tenant(system, ingestion=RateLimit(per_second=HARDLY, burst=BURST))
    item = {"items": [{"item_id": "i1"}]}
    answers = tenant.ask("items", item, 3 * BURST)
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {200: BURST, 429: 2 * BURST}
    each = system.counted("backend-api", "api_requests_total", tenant_id=tenant.tenant_id)
    assert all(each), each
    assert sum(each) == BURST


def test_events_sent_to_both_count_once(system: ComposedSystem) -> None:
    tenant = Tenant(system)
    events = simulate(SimulatorSettings(users=20, items=20, events=300)).events
    body = {"events": [event.model_dump(mode="json") for event in events]}
    results = [answer.json() for answer in tenant.ask("events", body, 20)]
    assert sum(result["accepted"] for result in results) == len(events)
    assert sum(result["duplicates"] for result in results) == 19 * len(events)
    for client in tenant.recommenders:
        books = client.accounting.get()
        assert (books.totals.loaded, books.totals.duplicates) == (len(events), 19 * len(events))
        stored = Counter(event.event_id for event in client.events.list())
        assert stored == dict.fromkeys((event.event_id for event in events), 1)


def test_both_serve_the_same_version_soon_after_a_swap(
    system: ComposedSystem, shop: Tenant
) -> None:
    second, first = [model.model_version for model in shop.recommenders[0].models.list()]
    for turn, version in enumerate([first, second, first]):
        shop.recommenders[turn % 2].models.activate(version)
        wait_for(partial(all_answer_by, shop, version), bool, SAME_WITHIN_SECONDS)
        deployed = system.counted("ml-engine", "model_version_deployed", tenant_id=shop.tenant_id)
        assert len(set(deployed)) == 1


def all_answer_by(shop: Tenant, version: str) -> bool:
    """Whether this version serves; so many are asked that each replica of ml-engine is."""
    answers = shop.recommend(4 * AT_ONCE)
    return {answer.json()["model_version"] for answer in answers} == {version}


def test_what_replicas_count_adds_up_to_what_was_asked(
    system: ComposedSystem, shop: Tenant
) -> None:
    labels = {"tenant_id": shop.tenant_id, "endpoint": "/api/v1/recommendations", "status": "200"}
    before = system.counted("backend-api", "http_requests_total", **labels)
    asked = 200
    assert {answer.status_code for answer in shop.recommend(asked)} == {200}
    after = system.counted("backend-api", "http_requests_total", **labels)
    each = [later - earlier for earlier, later in zip(before, after, strict=True)]
    assert each == [asked / 2, asked / 2]
    query = f'sum(http_requests_total{{job="backend-api",{selector(labels)}}})'
    wait_for(
        lambda: system.queried(query),
        lambda counted: counted == sum(after),
        SCRAPED_WITHIN_SECONDS,
        pause_seconds=0.1,
    )


def selector(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{value}"' for name, value in labels.items())
