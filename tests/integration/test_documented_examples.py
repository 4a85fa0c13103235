"""Each example of the OpenAPI document is sent to the live services, in a sensible order.

Every answer must have a status that the document names, in the shape that it gives.
"""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import jsonschema_rs
import pytest
from tests.contract.documents import agreed
from tests.integration.three_services import TENANT, System, running_system

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]
PREFIX = "/api/v1"
DOCUMENT = agreed("backend-api")
OVERALL = {
    "item_id": "0133093",
    "user_id": "42",
    "event_id": "e-1",
    "name": "home",
    "event_type": "share",
    "tenant_id": "acme",
    "plan_id": "gold",
}
# What has to be there before, or must be gone only afterwards.
FIRST = [
    "POST /items",
    "POST /users",
    "POST /events",
    "PUT /scenarios/{name}",
    "POST /training-jobs",
]
LAST = [
    "GET /models/{model_version}",
    "GET /models/{model_version}/report",
    "GET /model-comparison",
    "POST /models/{model_version}/activate",
    "POST /models/roll-back",
    "PUT /models/{model_version}/pin",
    "DELETE /models/{model_version}/pin",
    "POST /training-jobs/{job_id}/cancel",
    "POST /imports/{import_id}/cancel",
    "DELETE /scenarios/{name}",
    "DELETE /event-types/{event_type}",
    "DELETE /validation-rules",
    "DELETE /events/{event_id}",
    "DELETE /items/{item_id}",
    "DELETE /training-schedule",
    "DELETE /users/{user_id}",
    "GET /erasures",
    "GET /erasures/{erasure_id}",
    "DELETE /keys/{key_id}",
    "DELETE /admin/plans/{plan_id}",
]
# Right answers where the system has nothing else to say: one model, or a job that is done.
REFUSALS = {
    "POST /models/roll-back": {409},
    "POST /training-jobs/{job_id}/cancel": {409},
    "POST /imports/{import_id}/cancel": {409},
    # No bucket is open to the imports of this system.
    "POST /imports": {422},
}


@pytest.fixture
async def system(tmp_path: Path) -> AsyncGenerator[System]:
    async with running_system(tmp_path) as system:
        yield system


def operations() -> list[str]:
    """All operations: what creates first, then what reads, what removes last."""
    methods = ("put", "post", "patch", "get", "delete")
    every = [
        f"{method.upper()} {path.removeprefix(PREFIX)}"
        for method in methods
        for path, operations in DOCUMENT["paths"].items()
        if method in operations
    ]
    assert set(FIRST) | set(LAST) <= set(every)
    between = [one for one in every if one not in {*FIRST, *LAST}]
    return [*FIRST, *between, *LAST]


class Walk:
    """Sends the examples, and remembers the ids that the answers give."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.known = dict(OVERALL)

    async def send(self, operation: str) -> None:
        method, _, path = operation.partition(" ")
        described = DOCUMENT["paths"][PREFIX + path][method.lower()]
        kinds = described.get("requestBody", {"content": {}})["content"]
        for kind in kinds or [""]:
            if kind and "example" not in kinds[kind]:
                continue
            response = await self._ask(method, path, described, kind, kinds.get(kind))
            self._check(operation, described, response)
            await self._remember(operation, response)

    async def _ask(
        self, method: str, path: str, described: Any, kind: str, content: Any
    ) -> httpx2.Response:
        by = self.system.operator if path.startswith("/admin") else {}
        headers = {**by, **({"content-type": kind} if kind else {})}
        body = b""
        if content is not None:
            example = content["example"]
            body = (example if isinstance(example, str) else json.dumps(example)).encode()
        address = PREFIX + path.format(**self.known)
        params = self._query(described, kind)
        return await self.system.api.request(
            method, address, params=params, content=body, headers=headers
        )

    def _query(self, described: Any, kind: str) -> dict[str, str]:
        formats = {"text/csv": "csv", "application/x-ndjson": "jsonl"}
        given = {
            "data_type": "items",
            "format": formats.get(kind, ""),
            "baseline": self.known.get("model_version", ""),
            "candidate": self.known.get("model_version", ""),
            "from": "2026-01-01",
            "to": "2026-01-31",
        }
        if kind in formats:
            return {name: given[name] for name in ("data_type", "format")}
        needed = [p["name"] for p in described.get("parameters", []) if p.get("required")]
        return {name: given[name] for name in needed if name in given}

    def _check(self, operation: str, described: Any, response: httpx2.Response) -> None:
        status = response.status_code
        said = f"{operation} answered {status}: {response.text[:500]}"
        assert response.is_success or status in REFUSALS.get(operation, ()), said
        assert str(status) in described["responses"], said
        contents = described["responses"][str(status)].get("content", {})
        if not contents:
            assert not response.content, said
            return
        kind = response.headers["content-type"].partition(";")[0]
        assert kind in contents, said
        if kind.endswith("json"):
            schema = {**contents[kind]["schema"], "components": DOCUMENT["components"]}
            errors = [e.message for e in jsonschema_rs.iter_errors(schema, response.json())]
            assert not errors, f"{operation}: {errors}"

    async def _remember(self, operation: str, response: httpx2.Response) -> None:
        json_came = "json" in response.headers.get("content-type", "") and response.content
        if not response.is_success or not json_came:
            return
        answer = response.json()
        names = ("recommendation_id", "import_id", "job_id", "key_id", "erasure_id")
        if isinstance(answer, dict):
            self.known |= {name: answer[name] for name in names if name in answer}
        if operation == "POST /training-jobs":
            await self._wait_for(f"/training-jobs/{answer['job_id']}")
        if operation == "POST /imports":
            await self._wait_for(f"/imports/{answer['import_id']}")

    async def _wait_for(self, path: str) -> None:
        with anyio.fail_after(120):
            while True:
                job = (await self.system.api.get(PREFIX + path)).json()
                if job["status"] not in ("queued", "running"):
                    break
                await anyio.sleep(0.05)
        assert job["status"] == "completed", job
        if "model_version" in job:
            self.known["model_version"] = job["model_version"]


async def quarantined(system: System) -> str:
    """The id of a record that was rejected."""
    items = {"items": [{"item_id": "sound"}, {"item_id": "faulty", "year": "when"}]}
    await system.api.post(f"{PREFIX}/items", json=items)
    records = (await system.api.get(f"{PREFIX}/quarantine")).json()["data"]
    return str(records[0]["quarantine_id"])


async def test_every_example_is_answered_as_documented(system: System) -> None:
    await system.train()
    walk = Walk(system)
    walk.known["quarantine_id"] = await quarantined(system)
    wrong: list[str] = []
    for operation in operations():
        try:
            await walk.send(operation)
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, "\n".join(wrong)


def test_the_walk_visits_every_operation_once() -> None:
    walk = operations()
    assert len(walk) == len(set(walk)) == sum(len(one) for one in DOCUMENT["paths"].values())
    assert len(walk) > 50
    assert TENANT not in OVERALL.values()
