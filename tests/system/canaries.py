"""What must not leave the process: secrets, addresses and user ids, sent by every input."""

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import httpx2
from tests.contract.documents import agreed
from tests.system.processes import System
from tests.system.test_isolation import METHODS, body_of

from recommender_client import JobFailed, Recommender, new_event
from recommender_client.models import DataType, FileFormat, Item, UserProfile

TENANT: Final = "aviary"
KEY: Final = "rk_CanaryCanary_CanaryCanaryCanaryCanaryCanaryCanaryCanary123"
ADDRESS: Final = "canary.bird@mine.example"
BEARER: Final = "Bearer canary-token-0123456789abcdef"
PASSWORD: Final = "password=canary-password-1"
PERSON: Final = "canary-person-77"
SEEN: Final = ("CanaryCanary", "canary.bird", "canary-token", "canary-password", "canary-person")
"""A part of each, so that a half that slips through is found as well."""
HEADERS: Final = {
    "user-agent": f"agent/1 {ADDRESS} {KEY}",
    "referer": f"https://shop.example/?api_key={KEY}&mail={ADDRESS}&{PASSWORD}",
    "cookie": f"session={KEY}; {PASSWORD}",
    "proxy-authorization": BEARER,
    "x-request-id": KEY,
    "x-forwarded-for": ADDRESS,
    "baggage": f"user={ADDRESS},token={KEY}",
    "tracestate": f"vendor={KEY}",
    "idempotency-key": KEY,
    "x-custom": f"{ADDRESS} {BEARER} {PASSWORD}",
}
_DOCUMENT: Final = agreed("backend-api")
_CREDENTIALS: Final = (
    {"x-api-key": KEY},
    {"authorization": f"Bearer {KEY}"},
    {"authorization": BEARER},
    {"authorization": f"Basic {ADDRESS}"},
)


def send_through_every_input(system: System) -> str:
    """Send canaries wherever the public API takes something; the trace id of a last, clean request.

    No answer may be a failure of the service.
    """
    key = system.new_tenant(TENANT, plan_id="enterprise")
    for credentials in _CREDENTIALS:
        httpx2.post(f"{system.url('backend-api')}/api/v1/recommendations", headers=credentials)
    with system.recommender(key) as customer:
        _name_a_person(customer)
        _send_records(customer)
    with system.client(key) as client, system.client(system.operator_key) as operator:
        asked = 0
        for path, operations in _DOCUMENT["paths"].items():
            caller = operator if "/admin/" in path else client
            for method in METHODS:
                if method not in operations:
                    continue
                for request in _with_canaries(method, path):
                    asked += 1
                    answer = caller.request(**request)
                    assert answer.status_code < 500, f"{method} {path}: {answer.text}"
        assert asked > 300
        return client.get("/api/v1/tenant").headers["x-trace-id"]


def _with_canaries(method: str, path: str) -> Iterator[dict[str, Any]]:
    """Requests with a canary in each header, parameter and field, and in names of fields."""
    for canary in (KEY, ADDRESS, f"{BEARER} {PASSWORD}"):
        address = path.replace("{", f"{canary}-").replace("}", "")
        query = {"cursor": canary, "limit": canary, "user_id": canary, canary: canary}
        body = body_of(method, path)
        yield {"method": method, "url": address, "headers": HEADERS, "json": body}
        yield {"method": method, "url": address, "params": query, "json": body}
        if body is not None:
            yield {"method": method, "url": address, "json": {**body, canary: canary}}
            yield {"method": method, "url": address, "content": f'{{"{canary}": {canary}'}
            for leaf in _leaves(body):
                yield {"method": method, "url": address, "json": _planted(body, leaf, canary)}


def _leaves(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    for name, value in pairs:
        if isinstance(value, dict | list):
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name)


def _planted(body: Any, path: tuple[Any, ...], canary: str) -> Any:
    body = copy.deepcopy(body)
    place = body
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = canary
    return body


def _name_a_person(client: Recommender) -> None:
    """Let a user id, which is hashed wherever it is written down, pass through all services."""
    assert client.events.send([new_event(PERSON, "i", "view")]).accepted == 1
    client.users.put(PERSON, UserProfile(attributes={}))
    client.recommendations.for_user(PERSON)
    client.users.history(PERSON)
    client.users.export(PERSON)
    client.users.erase(PERSON)


def _send_records(client: Recommender) -> None:
    """Attributes of events, items and users, and files of good and of broken records."""
    secrets = {"note": f"{ADDRESS} {BEARER}", "login": PASSWORD, "api_key": KEY}
    event = new_event("u", "i", "view").model_dump(mode="json")
    item = Item(item_id="i", title=f"{KEY} {ADDRESS}", attributes=secrets)
    # An event has no attributes, so one with any waits in quarantine.
    assert client.events.send([event, {**event, "attributes": secrets}]).accepted == 1
    assert client.items.send([item]).accepted == 1
    client.users.put("u", UserProfile(attributes=secrets))
    broken = json.dumps({"item_id": KEY, "year": ADDRESS, PASSWORD: BEARER})
    lines = f"{item.model_dump_json()}\n{broken}\n{KEY}\n{PASSWORD}"
    table = f"item_id,title,attributes.note\n{KEY},{BEARER},{PASSWORD}\n{ADDRESS}\n"
    refused = f"item_id,{ADDRESS},{KEY}\ni,{BEARER},{PASSWORD}\n"
    for source, file_format in (
        (lines, FileFormat.JSONL),
        (table, FileFormat.CSV),
        (refused, FileFormat.CSV),
    ):
        job = client.imports.start(DataType.ITEMS, source.encode(), file_format=file_format)
        with suppress(JobFailed):
            client.imports.wait(job.import_id, timeout_seconds=60, poll_seconds=0.1)
