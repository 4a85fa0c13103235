"""What is rejected waits in quarantine, and the books say what became of everything."""

import base64
import json
import math
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from sqlalchemy import create_engine, text

from data_pipeline.services import accounting_check
from data_pipeline.settings import Settings

pytestmark = pytest.mark.anyio

QUARANTINE = "/v1/tenants/acme/quarantine"
ACCOUNTING = "/v1/tenants/acme/accounting"
Event = Callable[..., dict[str, Any]]


async def send(client: httpx2.AsyncClient, kind: str, *records: Any) -> dict[str, Any]:
    answer = await client.post(f"/v1/tenants/acme/{kind}", json={kind: list(records)})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def listed(client: httpx2.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(QUARANTINE, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def replayed(client: httpx2.AsyncClient, **wanted: Any) -> dict[str, Any]:
    answer = await client.post(f"{QUARANTINE}/replay", json=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def totals(client: httpx2.AsyncClient) -> tuple[int, int, int, int]:
    books = (await client.get(ACCOUNTING)).json()
    assert books["balanced"], books["differences"]
    return tuple(books["totals"].values())


async def test_a_rejected_record_is_listed_shown_and_discarded(
    client: httpx2.AsyncClient, event: Event
) -> None:
    faulty = event("e2", timestamp="yesterday")
    await send(client, "events", event("e1"), faulty)
    (record,) = await listed(client, data_type="events")
    assert (record["place"], record["source"], record["cut"]) == (1, "http", False)
    one = f"{QUARANTINE}/{record['quarantine_id']}"
    shown = (await client.get(one)).json()
    assert shown["raw_encoding"] == "utf-8"
    assert '"yesterday"' in shown["raw"]
    assert shown.items() >= record.items()
    assert (await client.delete(one)).status_code == 204
    assert (await client.get(one)).json()["code"] == "quarantined_record_not_found"
    assert (await client.delete(one)).status_code == 404
    books = (await client.get(ACCOUNTING)).json()
    assert books["quarantine"] == {"waiting": 0, "discarded": 1, "expired": 0, "erased": 0}
    assert books["balanced"]


async def test_lists_go_by_kind_and_page(client: httpx2.AsyncClient, event: Event) -> None:
    await send(client, "events", event("e1", value="much"), event("e2", user_id=5), event("e3"))
    await send(client, "items", {"item_id": "i1", "year": "when"})
    assert len(await listed(client)) == 3
    assert len(await listed(client, data_type="items")) == 1
    code = (await listed(client))[-1]["code"]
    assert {one["code"] for one in await listed(client, code=code)} == {code}
    assert await listed(client, origin="import-1") == []
    first = (await client.get(QUARANTINE, params={"limit": 2})).json()
    rest = (
        await client.get(QUARANTINE, params={"limit": 2, "cursor": first["next_cursor"]})
    ).json()
    places = [one["quarantine_id"] for one in [*first["data"], *rest["data"]]]
    assert places == sorted(places, reverse=True)
    assert len(places) == 3


async def test_a_mended_record_is_replayed_and_counts_as_loaded(
    client: httpx2.AsyncClient, event: Event
) -> None:
    await send(client, "events", event("e1"), event("e1"), event("e2", timestamp="yesterday"))
    assert await totals(client) == (3, 1, 1, 1)
    (record,) = await listed(client)
    ids = [record["quarantine_id"]]
    again = await replayed(client, ids=ids)
    assert (again["rejected"], again["loaded"]) == (1, 0)
    assert again["first_rejections"][0]["quarantine_id"] == ids[0]
    replacements = [{"quarantine_id": ids[0], "record": event("e2")}]
    mended = await replayed(client, replacements=replacements)
    assert (mended["loaded"], mended["rejected"]) == (1, 0)
    assert await totals(client) == (3, 2, 1, 0)
    assert (await client.get("/v1/tenants/acme/events/e2")).status_code == 200
    gone = await replayed(client, replacements=replacements)
    assert (gone["missing"], gone["replayed"]) == (1, 0)


async def test_a_replacement_without_a_json_number_is_rejected(
    client: httpx2.AsyncClient, event: Event
) -> None:
    await send(client, "events", event("e1", value="much"))
    (record,) = await listed(client)
    replacement = {"quarantine_id": record["quarantine_id"], "record": event(value=math.nan)}
    body = json.dumps({"replacements": [replacement]})
    answer = await client.post(
        f"{QUARANTINE}/replay", content=body, headers={"content-type": "application/json"}
    )
    assert [one["code"] for one in answer.json()["first_rejections"]] == ["invalid_json"]


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"ids": []},
        {"ids": [1], "filter": {}},
        {"ids": [1], "replacements": [{"quarantine_id": 1, "record": {}}]},
        {"filter": {}, "replacements": [{"quarantine_id": 1, "record": {}}]},
        {"replacements": []},
        {"replacements": [{"quarantine_id": 1}]},
        {"replacements": [{"quarantine_id": 1, "record": {}}] * 2},
        {"replacements": [{"quarantine_id": 1, "record": {}}], "cursor": "eA=="},
        {"ids": [1], "cursor": "eA=="},
        {"ids": [0]},
        {"filter": {"user_id": "u1"}},
    ],
    ids=str,
)
async def test_what_cannot_be_meant_is_refused(
    client: httpx2.AsyncClient, wanted: dict[str, Any]
) -> None:
    answer = await client.post(f"{QUARANTINE}/replay", json=wanted)
    assert answer.status_code == 422


async def test_all_of_a_kind_are_replayed_and_counted(
    client: httpx2.AsyncClient, event: Event
) -> None:
    await send(client, "users", {"user_id": "u1", "attributes": {"a": [1]}}, {"user_id": "u2"})
    outcome = await replayed(client, filter={"data_type": "users"})
    assert (outcome["replayed"], outcome["rejected"], outcome["next_cursor"]) == (1, 1, None)
    metrics = (await client.get("/metrics")).text
    counted = 'data_pipeline_quarantine_replayed_total{outcome="rejected",tenant_id="acme"} 1.0'
    assert counted in metrics


async def test_the_books_are_apart_by_day_source_and_type(
    client: httpx2.AsyncClient, event: Event
) -> None:
    await send(client, "events", event("e1"), event("e2", value="much"))
    await send(client, "items", {"item_id": "i1"})
    books = (await client.get(ACCOUNTING)).json()
    assert (books["first"], books["last"]) == ("2025-05-17", "2025-06-15")
    assert [(one["data_type"], one["received"]) for one in books["accounts"]] == [
        ("events", 2),
        ("items", 1),
    ]
    assert books["by_data_type"]["events"]["quarantined"] == 1
    assert books["by_source"]["http"] == books["totals"]
    days = {"from": "2025-06-16", "to": "2025-06-16"}
    assert (await client.get(ACCOUNTING, params=days)).json()["accounts"] == []


@pytest.mark.parametrize(
    ("first", "last"),
    [("2025-06-02", "2025-06-01"), ("2023-01-01", "2025-01-01"), ("never", "2025-01-01")],
    ids=["backwards", "too-long", "no-day"],
)
async def test_a_period_that_is_none_is_refused(
    client: httpx2.AsyncClient, first: str, last: str
) -> None:
    answer = await client.get(ACCOUNTING, params={"from": first, "to": last})
    assert answer.status_code == 422


async def test_erasure_and_export_reach_the_quarantine(
    client: httpx2.AsyncClient, event: Event
) -> None:
    faults = [event("e1", value="much"), event("e2", user_id="u2", value="much")]
    await send(client, "events", *faults)
    data = (await client.get("/v1/tenants/acme/users/u1/data")).json()
    assert [one["place"] for one in data["quarantined"]] == [0]
    receipt = (await client.delete("/v1/tenants/acme/users/u1")).json()
    (place,) = [one for one in receipt["places"] if one["place"] == "quarantine"]
    assert (place["removed"], place["remaining"]) == (1, 0)
    (left,) = await listed(client)
    assert left["place"] == 1
    assert await totals(client) == (2, 0, 0, 2)


async def test_bytes_that_are_no_text_are_shown_in_base64(client: httpx2.AsyncClient) -> None:
    body = b'{"event_id": "\xff"}\n'
    headers = {"content-type": "application/x-ndjson"}
    await client.post("/v1/tenants/acme/events", content=body, headers=headers)
    (record,) = await listed(client)
    shown = (await client.get(f"{QUARANTINE}/{record['quarantine_id']}")).json()
    assert shown["raw_encoding"] == "base64"
    assert base64.b64decode(shown["raw"]) == body.strip()


async def test_books_that_differ_are_said_by_health_and_metrics(
    serve: Any, settings: Settings, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounting_check.AccountingCheck, "every_seconds", 0.05)
    async with serve() as client:
        await send(client, "events", event("e1"), event("e2"))
        # A check takes longer than it may where the machine is busy.
        while (await client.get("/health")).json()["status"] != "healthy":
            pass
        engine = create_engine(settings.database().replace("+aiosqlite", ""))
        with engine.begin() as connection:
            connection.execute(text("UPDATE ledger SET loaded = 1, duplicates = 1"))
        engine.dispose()
        differing = 'data_pipeline_accounting_imbalance{tenant_id="acme"} 1.0'
        while differing not in (await client.get("/metrics")).text:
            pass
        health = (await client.get("/health/deep")).json()
        (check,) = [one for one in health["checks"] if one["name"] == "accounting"]
        assert "acme: events in the log: 1 by the books, 2 by a count" in check["message"]
        assert health["status"] == "degraded"
        assert (await client.get("/health/ready")).status_code == 200
        books = (await client.get(ACCOUNTING)).json()
        assert not books["balanced"]
        assert books["differences"] == [{"what": "events in the log", "expected": 1, "found": 2}]
