"""Batches of events and items over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from tests.in_process import running
from tests.integration.data_pipeline.conftest import TOKEN

from backends.embedded.feature_reader import SqliteFeatureReader
from contracts.data_pipeline import DataPipelineClient
from contracts.events import EventBatch
from contracts.transport import Request, Response
from data_pipeline.bootstrap import build_app

pytestmark = pytest.mark.anyio


async def send(
    client: httpx2.AsyncClient, *records: Any, tenant: str = "acme", kind: str = "events"
) -> dict[str, Any]:
    answer = await client.post(f"/v1/tenants/{tenant}/{kind}", json={kind: records})
    assert answer.status_code == 200, answer.text
    return answer.json()


def client_of(transport: httpx2.ASGITransport) -> httpx2.AsyncClient:
    headers = {"authorization": f"Bearer {TOKEN}"}
    return httpx2.AsyncClient(transport=transport, base_url="http://pipeline", headers=headers)


async def history(client: httpx2.AsyncClient, user: str = "u1", tenant: str = "acme") -> list[str]:
    answer = await client.get(f"/v1/tenants/{tenant}/users/{user}/history")
    assert answer.status_code == 200, answer.text
    return [one["item_id"] for one in answer.json()["events"]]


async def test_an_event_changes_the_next_read_of_the_history(client, event) -> None:
    assert await history(client) == []
    await send(client, event("a", item_id="first"))
    assert await history(client) == ["first"]
    await send(client, event("b", item_id="second", timestamp=1_700_000_001))
    assert await history(client) == ["first", "second"]


async def test_a_repeated_id_is_a_duplicate_and_the_first_one_stays(client, event) -> None:
    first = await send(client, event("a", item_id="x"), event("a", item_id="y"), event("b"))
    assert first == {"accepted": 2, "duplicates": 1, "rejected": []}
    again = await send(client, event("a", item_id="z"), event("c"))
    assert again == {"accepted": 1, "duplicates": 1, "rejected": []}
    assert await history(client) == ["x", "i1", "i1"]


async def test_a_bad_record_is_named_and_spoils_no_other(client, event) -> None:
    result = await send(client, event("a"), event("b", user_id="nul\x00byte"), event("c"), 5)
    assert (result["accepted"], result["duplicates"]) == (2, 0)
    assert [(r["index"], r["code"]) for r in result["rejected"]] == [
        (1, "invalid_identifier"),
        (3, "not_an_object"),
    ]
    assert len(await history(client)) == 2


async def test_a_timestamp_in_2099_is_rejected_and_five_minutes_ahead_is_not(client, event) -> None:
    now = 1_750_000_000
    result = await send(
        client,
        event("far", timestamp="2099-01-01T00:00:00Z"),
        event("near", timestamp=now + 300),
        event("late", timestamp=now + 301),
    )
    assert result["accepted"] == 1
    assert {r["code"] for r in result["rejected"]} == {"timestamp_in_future"}


async def test_half_a_surrogate_pair_rejects_its_record_alone(client, event) -> None:
    bad = json.dumps(event("bad")).replace('"u1"', '"\\ud800"')
    body = f'{{"events": [{bad}, {json.dumps(event("good"))}]}}'
    answer = await client.post("/v1/tenants/acme/events", content=body)
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 1
    assert answer.json()["rejected"][0]["code"] == "invalid_identifier"


async def test_tenants_never_mix(client, event) -> None:
    await send(client, event("same", item_id="of-acme"), tenant="acme")
    other = await send(client, event("same", item_id="of-other"), tenant="other")
    assert other["accepted"] == 1
    assert await history(client, tenant="acme") == ["of-acme"]
    assert await history(client, tenant="other") == ["of-other"]


async def test_an_equal_item_is_a_duplicate_and_a_changed_one_replaces(client) -> None:
    item = {"item_id": "i1", "title": "Alien", "categories": ["Horror"], "year": 1979}
    assert (await send(client, item, item, kind="items"))["accepted"] == 1
    again = await send(client, item, {**item, "year": 1986}, {"item_id": "i2"}, kind="items")
    assert again == {"accepted": 2, "duplicates": 1, "rejected": []}


async def test_items_reach_the_feature_store_with_the_answer(client, settings) -> None:
    await send(client, {"item_id": "i1", "title": "Alien"}, {"item_id": "i2"}, kind="items")
    await send(client, {"item_id": "i1", "title": "Aliens"}, kind="items")
    reader = SqliteFeatureReader(settings.features())
    found = await reader.items_after("acme", 0)
    await reader.close()
    assert [(item.item_id, item.title) for item in found] == [("i2", None), ("i1", "Aliens")]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        (b"", 400, "invalid_json"),
        (b"\xff", 400, "invalid_json"),
        (b'{"events": [NaN]}', 400, "invalid_json"),
        (b"[" * 200_000, 400, "invalid_json"),
        (b"[]", 422, "invalid_request"),
        (b"{}", 422, "invalid_request"),
        (b'{"events": []}', 422, "invalid_request"),
        (b'{"events": {}}', 422, "invalid_request"),
        (b'{"events": [' + b"1," * 10_000 + b"1]}", 422, "invalid_request"),
        (b" " * 1_000_001, 413, "body_too_large"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else None,
)
async def test_a_faulty_envelope_is_a_problem(client, body, status, code) -> None:
    answer = await client.post("/v1/tenants/acme/events", content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("tenant", ["Acme", "a_b", "-a", "a" * 64, "%00", "a%20b"])
async def test_a_malformed_tenant_is_a_problem(client, event, tenant) -> None:
    answer = await client.post(f"/v1/tenants/{tenant}/events", json={"events": [event()]})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_caller_without_the_token_is_refused_health_and_metrics_aside(client) -> None:
    del client.headers["authorization"]
    for method, path in [("POST", "events"), ("POST", "snapshots"), ("GET", "users/u/history")]:
        answer = await client.request(method, f"/v1/tenants/acme/{path}")
        assert (answer.status_code, answer.json()["code"]) == (401, "service_token_required")
    for path in ["/health", "/health/live", "/health/ready", "/health/deep", "/metrics"]:
        assert (await client.get(path)).status_code == 200


async def test_the_typed_client_reads_every_answer(client, event) -> None:
    class OverAsgi:
        async def send(self, request: Request) -> Response:
            answer = await client.request(request.method, request.path, content=request.content)
            return Response(answer.status_code, answer.content, dict(answer.headers))

        async def close(self) -> None: ...

    pipeline = DataPipelineClient(OverAsgi(), "ignored")
    odd = "a/b c?#ü/history"
    sent = await pipeline.send_events("acme", EventBatch(events=[event("a", user_id=odd)]))
    assert sent.accepted == 1
    read = await pipeline.history("acme", odd)
    assert read.user_id == odd
    assert [one.timestamp_ms for one in read.events] == [1_700_000_000_000]
    assert (await pipeline.create_snapshot("acme")).events.rows == 1


async def test_a_batch_has_one_business_line_with_its_counts(capsys, serve, event) -> None:
    async with serve() as client:
        await send(client, event("a"), event("a"), event("b", value="x"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [line] = [line for line in lines if line["category"] == "business"]
    assert (line["message"], line["tenant_id"]) == ("took in events", "acme")
    assert (line["accepted"], line["duplicates"], line["rejected"]) == (1, 1, 1)
    assert line["rejected_by_code"] == {"invalid_type": 1}
    assert len(line["trace_id"]) == 32


async def test_a_batch_is_counted_and_timed_by_stage(client, event) -> None:
    await send(client, event("a"), event("a"), event("b", value="x"))
    metrics = (await client.get("/metrics")).text
    assert 'data_ingestion_records_total{data_type="events",tenant_id="acme"} 1.0' in metrics
    assert 'data_validation_errors_total{error_type="invalid_type",tenant_id="acme"} 1.0' in metrics
    for stage in ("extract", "transform", "load"):
        series = f'data_pipeline_duration_seconds_count{{stage="{stage}",tenant_id="acme"}} 1.0'
        assert series in metrics


async def test_a_batch_can_have_a_record_on_each_line(client, event) -> None:
    lines = [json.dumps(event("a")).encode(), b"{", b"", json.dumps(event("b")).encode()]
    answer = await client.post(
        "/v1/tenants/acme/events",
        content=b"\n".join(lines),
        headers={"content-type": "application/x-ndjson; charset=utf-8"},
    )
    assert answer.status_code == 200, answer.text
    result = answer.json()
    assert (result["accepted"], result["duplicates"]) == (2, 0)
    assert [(one["index"], one["code"]) for one in result["rejected"]] == [(1, "invalid_json")]


async def test_a_tenant_that_floods_the_service_is_told_to_wait(settings, event) -> None:
    reading, waiting = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        reading.set()
        await waiting.wait()
        yield json.dumps({"events": [event("slow")]}).encode()

    path = "/v1/tenants/{}/events"
    app = build_app(settings.model_copy(update={"max_batches_in_work": 2}))
    async with running(app) as transport, client_of(transport) as client:
        held = asyncio.create_task(client.post(path.format("acme"), content=slow()))
        await reading.wait()
        refused = await client.post(path.format("acme"), json={"events": [event("a")]})
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_batches")
        assert refused.headers["retry-after"] == "1"
        other = await client.post(path.format("other"), json={"events": [event("a")]})
        assert other.status_code == 200
        waiting.set()
        assert (await held).json()["accepted"] == 1
        assert (await send(client, event("a")))["accepted"] == 1
