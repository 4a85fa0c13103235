"""The client has an operation for each of the API's, and none that the API lacks."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.client.conftest import System

from contracts.public.access import PlanSettings
from recommender_client import AsyncOperator, AsyncRecommender
from recommender_client.calls import Call
from recommender_client.models import (
    Context,
    DataType,
    FileFormat,
    ItemChanges,
    ItemContent,
    RankingOptions,
    RecommendationRequest,
    RuleSet,
    UserChanges,
    UserProfile,
    WebVitals,
)
from recommender_client.operations import Group, Operation, Paged

pytestmark = pytest.mark.anyio

ARGUMENTS: dict[str, Any] = {
    "content": ItemContent(),
    "changes": ItemChanges(),
    "profile": UserProfile(),
    "context": Context(),
    "options": RankingOptions(),
    "request": RecommendationRequest(user_id="u"),
    "settings": PlanSettings(limits={}, price_per_1000_requests=1, currency="EUR"),
    "data_type": DataType.ITEMS,
    "source": b"{}",
    "source_url": "s3://bucket/key.csv",
    "file_format": FileFormat.JSONL,
    "user_ids": ["u"],
    "item_ids": ["i"],
    "weight": 1.0,
    "rules": RuleSet(),
    "every_hours": 24,
    "quarantine_id": 1,
    "quarantine_ids": [1],
    "record": {},
    "records": {1: {}},
    "events": [{}],
    "items": [{}],
    "users": [{}],
    "vitals": WebVitals(page="home", lcp=1),
}
# The same questions by GET, for browsers and curl.
ASKED_BY_POST = {
    ("GET", "/api/v1/users/{user_id}/recommendations"),
    ("GET", "/api/v1/items/{item_id}/similar"),
}


def groups(client: Group[Any]) -> Iterator[Group[Any]]:
    for value in vars(client).values():
        if isinstance(value, Group):
            yield value
            yield from groups(value)


def first_request(group: Group[Any], name: str, operation: Any) -> tuple[str, str]:
    """Method and path of what an operation asks first, each text argument named in braces."""
    parameters = list(inspect.signature(operation._describe).parameters.values())[1:]
    needed = [p for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    arguments = {p.name: ARGUMENTS.get(p.name, f"{{{p.name}}}") for p in needed}
    if name in {"create", "patch"} and "profile" not in arguments and "user_id" in arguments:
        arguments["changes"] = UserChanges()
    if name == "start" and "source" in arguments:
        arguments["file_format"] = FileFormat.JSONL
    if "every_hours" in inspect.signature(operation._describe).parameters:
        # Nothing is needed by itself, but one of two.
        arguments["every_hours"] = ARGUMENTS["every_hours"]
    if "tenant_id" in arguments:
        arguments["tenant_id"] = "acme"
    described = operation._describe(group, **arguments)
    call = described.at(None) if isinstance(operation, Paged) else described
    call = call if isinstance(call, Call) else next(call)
    path = call.path.partition("?")[0].replace("%7B", "{").replace("%7D", "}")
    return call.method, path


async def test_the_client_and_the_api_have_the_same_operations(system: System) -> None:
    documented = {
        (method.upper(), re.sub(r"\{[^}]*\}", "{}", path))
        for path, methods in system.app.openapi()["paths"].items()
        for method in methods
        if path.startswith("/api/v1")
    }
    offered: set[tuple[str, str]] = set()
    options = {"transport": system.transport}
    async with (
        AsyncRecommender("http://api", system.tenant_key, **options) as client,
        AsyncOperator("http://api", system.operator_key, **options) as operator,
    ):
        for group in (*groups(client), *groups(operator)):
            for name, operation in vars(type(group)).items():
                if isinstance(operation, Operation | Paged):
                    method, path = first_request(group, name, operation)
                    path = re.sub(r"\{[^}]*\}|(?<=/tenants/)acme|(?<=/quarantine/)1", "{}", path)
                    offered.add((method, path))
    by_post = {(method, re.sub(r"\{[^}]*\}", "{}", path)) for method, path in ASKED_BY_POST}
    assert documented - offered == by_post
    assert offered - documented == set()
