"""What must not leave the process: secrets, addresses and user ids, sent in every place."""

import copy
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from tests.contract.documents import agreed
from tests.otlp_collector import Collector
from tests.system.processes import System, running_system
from tests.system.test_isolation import METHODS, body_of

from recommender_client import Recommender, new_event
from recommender_client.models import UserProfile

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KEY: Final = "rk_CanaryCanary_CanaryCanaryCanaryCanaryCanaryCanaryCanary123"
ADDRESS: Final = "canary.bird@mine.example"
BEARER: Final = "Bearer canary-token-0123456789abcdef"
PERSON: Final = "canary-person-77"
SEEN: Final = ("CanaryCanary", "canary.bird", "canary-token", "canary-person")
"""A part of each, so that a half that slips through is found as well."""
HEADERS: Final = {
    "user-agent": f"agent/1 {ADDRESS} {KEY}",
    "referer": f"https://shop.example/?api_key={KEY}&mail={ADDRESS}",
    "cookie": f"session={KEY}",
    "proxy-authorization": BEARER,
    "x-request-id": KEY,
    "x-forwarded-for": ADDRESS,
    "baggage": f"user={ADDRESS},token={KEY}",
    "tracestate": f"vendor={KEY}",
    "idempotency-key": KEY,
    "x-custom": f"{ADDRESS} {BEARER}",
}
DOCUMENT: Final = agreed("backend-api")


@pytest.fixture
def system(tmp_path: Path, collector: Collector) -> Generator[System]:
    settings = {"OTLP_ENDPOINT": collector.url, "LOG_LEVEL": "DEBUG", "TRACE_SAMPLE_RATE": "1"}
    with running_system(tmp_path, **settings) as system:
        yield system


def leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    for name, value in pairs:
        if isinstance(value, dict | list):
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name)


def planted(body: Any, path: tuple[Any, ...], canary: str) -> Any:
    body = copy.deepcopy(body)
    place = body
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = canary
    return body


def with_canaries(method: str, path: str) -> Iterator[dict[str, Any]]:
    """Requests with a canary in each header, parameter and field, and in names of fields."""
    for canary in (KEY, ADDRESS):
        address = path.replace("{", f"{canary}-").replace("}", "")
        query = {"cursor": canary, "limit": canary, "user_id": canary, canary: canary}
        body = body_of(method, path)
        yield {"method": method, "url": address, "headers": HEADERS, "json": body}
        yield {"method": method, "url": address, "params": query, "json": body}
        if body is not None:
            yield {"method": method, "url": address, "json": {**body, canary: canary}}
            yield {"method": method, "url": address, "content": f'{{"{canary}": {canary}'}
            for leaf in leaves(body):
                yield {"method": method, "url": address, "json": planted(body, leaf, canary)}


def name_a_person(client: Recommender) -> None:
    """Let a user id, which is hashed wherever it is written down, pass through all services."""
    assert client.events.send([new_event(PERSON, "i", "view")]).accepted == 1
    client.users.put(PERSON, UserProfile(attributes={}))
    client.recommendations.for_user(PERSON)
    client.users.history(PERSON)
    client.users.export(PERSON)
    client.users.erase(PERSON)


def test_no_canary_reaches_a_log_a_span_or_a_metric(system: System, collector: Collector) -> None:
    key = system.new_tenant("aviary", plan_id="enterprise")
    for credentials in (
        {"x-api-key": KEY},
        {"authorization": f"Bearer {KEY}"},
        {"authorization": BEARER},
        {"authorization": f"Basic {ADDRESS}"},
    ):
        httpx2.post(f"{system.url('backend-api')}/api/v1/recommendations", headers=credentials)
    asked = 0
    with system.client(key) as client, system.client(system.operator_key) as operator:
        with system.recommender(key) as customer:
            name_a_person(customer)
        for path, operations in DOCUMENT["paths"].items():
            caller = operator if "/admin/" in path else client
            for method in METHODS:
                if method not in operations:
                    continue
                for request in with_canaries(method, path):
                    asked += 1
                    answer = caller.request(**request)
                    assert answer.status_code < 500, f"{method} {path}: {answer.text}"
        last = client.get("/api/v1/tenant").headers["x-trace-id"]
    assert asked > 300
    collector.span("GET /api/v1/tenant", last)
    spans = "".join(str(request) for request in collector.requests)
    metrics = "".join(httpx2.get(f"{system.url(s)}/metrics").text for s in system.ports)
    assert "aviary" in metrics
    for service in system.ports:
        log = system.log(service)
        assert '"tenant_id":"aviary"' in log
        assert [line for line in log.splitlines() if any(part in line for part in SEEN)] == []
    for part in SEEN:
        assert part not in spans
        assert part not in metrics
