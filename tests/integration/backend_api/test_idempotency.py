"""Idempotency-Key over HTTP: one effect, the same answer again."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx2
import pytest
from starlette.responses import Response
from tests.integration.backend_api.conftest import OPERATOR, Api, StartApi

pytestmark = pytest.mark.anyio
EVENTS = {
    "events": [
        {
            "event_id": "e-1",
            "user_id": "42",
            "item_id": "i",
            "event_type": "view",
            "timestamp": "2026-01-31T12:00:00Z",
        }
    ]
}


async def send(api: Api, body: Any = EVENTS, key: str = "k", by: str = "acme") -> httpx2.Response:
    return await api.send("POST", "/events", body, by=by, idempotency_key=key)


def refused(response: httpx2.Response, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_the_same_request_has_one_effect_and_one_answer(api: Api) -> None:
    first, second = await send(api), await send(api)
    assert len(api.data_pipeline.seen) == 1
    assert first.status_code == second.status_code == 202
    assert first.content == second.content
    assert first.headers["content-type"] == second.headers["content-type"]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"


async def test_without_the_header_nothing_is_remembered(api: Api) -> None:
    for _ in range(2):
        await api.send("POST", "/events", EVENTS)
    assert len(api.data_pipeline.seen) == 2


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/events", {"events": []}),
        ("POST", "/events?a=b", EVENTS),
        ("POST", "/items", EVENTS),
        ("DELETE", "/keys/none", None),
    ],
)
async def test_a_key_belongs_to_one_request(api: Api, method: str, path: str, body: Any) -> None:
    await send(api)
    again = await api.send(method, path, body, idempotency_key="k")
    refused(again, 422, "idempotency_key_reused")
    assert len(api.data_pipeline.seen) == 1


async def test_keys_of_tenants_are_apart(api: Api) -> None:
    await send(api, by="acme")
    answer = await send(api, by="globex")
    assert "idempotency-replayed" not in answer.headers
    assert len(api.data_pipeline.seen) == 2


async def test_a_request_that_still_runs_is_not_run_again(api: Api) -> None:
    api.data_pipeline.hangs = True
    async with anyio.create_task_group() as group:
        group.start_soon(send, api)
        with anyio.fail_after(30):
            while not api.data_pipeline.seen:
                await anyio.sleep(0.01)
        response = await send(api)
        refused(response, 409, "idempotency_key_in_use")
        assert response.headers["retry-after"] == "1"
        group.cancel_scope.cancel()
    assert len(api.data_pipeline.seen) == 1


async def test_a_request_that_was_cut_off_frees_its_key(api: Api) -> None:
    api.data_pipeline.hangs = True
    task = asyncio.create_task(send(api))
    with anyio.fail_after(30):
        while not api.data_pipeline.seen:
            await anyio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    api.data_pipeline.hangs = False
    assert (await send(api)).status_code == 202


async def test_a_refusal_is_kept_as_well(api: Api) -> None:
    body = {"events": [1]}
    first, second = await send(api, body), await send(api, body)
    assert first.status_code == second.status_code == 422
    assert len(api.data_pipeline.seen) == 1
    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["content-type"] == "application/problem+json"


async def test_a_failure_is_tried_anew(api: Api) -> None:
    path = "/training-jobs"
    api.ml_engine.answer_with = Response(status_code=500)
    failed = await api.send("POST", path, {}, idempotency_key="k")
    assert failed.status_code == 503
    failed = await api.send("POST", path, {}, idempotency_key="k")
    assert failed.status_code == 503
    assert "idempotency-replayed" not in failed.headers


@pytest.mark.parametrize("key", ["", "x" * 256, "with space", "caf\u00e9"])
async def test_a_key_is_visible_ascii(api: Api, key: str) -> None:
    headers = {**api.key_of("acme"), "idempotency-key": key.encode("latin-1")}
    response = await api.client.post("/api/v1/events", json=EVENTS, headers=headers)  # pyright: ignore
    refused(response, 422, "invalid_idempotency_key")
    assert not api.data_pipeline.seen


async def test_two_keys_are_none(api: Api) -> None:
    headers = [*api.key_of("acme").items(), ("idempotency-key", "a"), ("idempotency-key", "b")]
    response = await api.client.post("/api/v1/events", json=EVENTS, headers=headers)
    refused(response, 422, "invalid_idempotency_key")


async def test_recommendations_are_reads_and_answered_anew(api: Api) -> None:
    for _ in range(2):
        response = await api.send(
            "POST", "/recommendations", {"user_id": "42"}, idempotency_key="not a key at all"
        )
        assert response.status_code == 200
    assert len(api.ml_engine.seen) == 2


async def test_an_answer_with_a_secret_is_repeated_without_it(api: Api) -> None:
    first = await api.send("POST", "/keys", {"name": "shop"}, idempotency_key="k")
    second = await api.send("POST", "/keys", {"name": "shop"}, idempotency_key="k")
    assert second.status_code == 201
    assert second.json() == {**first.json(), "key": None}
    assert len((await api.send("GET", "/keys")).json()["data"]) == 2
    secret = first.json()["key"].rpartition("_")[2].encode()
    files = [path for path in api.settings.data_dir.rglob("*") if path.is_file()]
    assert not [path for path in files if secret in path.read_bytes()]


async def test_the_operator_has_keys_of_its_own(api: Api) -> None:
    new = {"tenant_id": "initech"}
    for replayed in (None, "true"):
        made = await api.send("POST", "/admin/tenants", new, by=OPERATOR, idempotency_key="k")
        assert made.status_code == 201
        assert made.headers.get("idempotency-replayed") == replayed


async def test_an_answer_without_a_body_is_repeated(api: Api) -> None:
    made = (await api.send("POST", "/keys", {})).json()["key_id"]
    for replayed in (None, "true"):
        gone = await api.send("DELETE", f"/keys/{made}", idempotency_key="k")
        assert (gone.status_code, gone.content) == (204, b"")
        assert gone.headers.get("idempotency-replayed") == replayed


async def test_answers_are_kept_for_their_hours_and_over_restarts(start: StartApi) -> None:
    now = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
    async with start(clock=lambda: now) as api:
        await send(api)
    async with start(clock=lambda: now) as api:
        now += timedelta(hours=24) - timedelta(seconds=1)
        assert "idempotency-replayed" in (await send(api)).headers
        now += timedelta(seconds=1)
        assert "idempotency-replayed" not in (await send(api)).headers


async def test_a_body_over_the_limit_is_refused_and_frees_its_key(start: StartApi) -> None:
    async with start(max_body_bytes=1_024) as api:

        async def chunks() -> Any:
            for _ in range(3):
                yield b" " * 1_000

        headers = {**api.key_of("acme"), "idempotency-key": "k"}
        response = await api.client.post("/api/v1/events", content=chunks(), headers=headers)
        refused(response, 413, "body_too_large")
        assert (await send(api)).status_code == 202
