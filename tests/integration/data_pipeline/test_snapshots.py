"""Training snapshots over HTTP, and what is in their files."""

from datetime import UTC, datetime

import pytest

import data_pipeline.services.snapshots
from backends.object_store import UrlObjectStore
from backends.snapshots import EVENT_SCHEMA, ITEM_SCHEMA, SnapshotDamaged, SnapshotStore

pytestmark = pytest.mark.anyio

PATH = "/v1/tenants/acme/snapshots"


async def fill(client, events, items=(), tenant="acme") -> None:
    await client.post(f"/v1/tenants/{tenant}/events", json={"events": events})
    if items:
        await client.post(f"/v1/tenants/{tenant}/items", json={"items": items})


async def tables(settings, manifest):
    store = SnapshotStore(UrlObjectStore(settings.objects()))
    return await store.read_tables(manifest["tenant_id"], manifest["snapshot_id"])


async def test_a_snapshot_holds_the_events_and_items_of_its_tenant(client, settings, event) -> None:
    events = [
        event("a", user_id="u2", timestamp=1_700_000_000.123),
        event("b", user_id="u1", event_type="rating", value=4.5, timestamp=1_700_000_009),
        event("c", user_id="u1", item_id="i2"),
    ]
    await fill(client, events, [{"item_id": "i2", "title": "Alien", "categories": ["A", "B"]}])
    await fill(client, [event("a", user_id="stranger")], [{"item_id": "foreign"}], tenant="other")
    answer = await client.post(PATH)
    assert answer.status_code == 201
    manifest = answer.json()
    assert (manifest["users"], manifest["last_sequence"]) == (2, 3)
    assert (manifest["events"]["rows"], manifest["items"]["rows"]) == (3, 1)
    frozen_events, frozen_items = await tables(settings, manifest)
    assert frozen_events.schema.equals(EVENT_SCHEMA)
    assert frozen_items.schema.equals(ITEM_SCHEMA)
    assert [tuple(row.values()) for row in frozen_events.to_pylist()] == [
        ("u1", "i2", "view", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), None),
        ("u1", "i1", "rating", datetime(2023, 11, 14, 22, 13, 29, tzinfo=UTC), 4.5),
        ("u2", "i1", "view", datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC), None),
    ]
    assert frozen_items.to_pylist() == [
        {"item_id": "i2", "title": "Alien", "categories": ["A", "B"], "year": None}
    ]


async def test_the_same_snapshot_again_is_the_same_one(client, event) -> None:
    await fill(client, [event("a")])
    first, second = (await client.post(PATH)).json(), (await client.post(PATH)).json()
    assert first == second
    shown = await client.get(f"{PATH}/{first['snapshot_id']}")
    assert (shown.status_code, shown.json()) == (200, first)
    await fill(client, [event("b")])
    assert (await client.post(PATH)).json()["snapshot_id"] != first["snapshot_id"]


async def test_the_order_of_arrival_leaves_no_trace(client, event) -> None:
    events = [event(f"e{n}", user_id=f"u{n % 3}", value=n % 2 or None) for n in range(20)]
    items = [{"item_id": f"i{n}"} for n in range(5)]
    await fill(client, events, items, tenant="one")
    for one in reversed(events):
        await fill(client, [one], tenant="two")
    await fill(client, [events[0]], list(reversed(items)), tenant="two")
    one = (await client.post("/v1/tenants/one/snapshots")).json()
    two = (await client.post("/v1/tenants/two/snapshots")).json()
    assert one["snapshot_id"] == two["snapshot_id"]
    assert one["events"]["sha256"] == two["events"]["sha256"]


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
async def test_chunks_lose_nothing_and_count_each_user_once(
    monkeypatch, client, settings, event, chunk
) -> None:
    monkeypatch.setattr(data_pipeline.services.snapshots, "CHUNK", chunk)
    await fill(client, [event(f"e{n}", user_id=f"u{n // 3}") for n in range(7)])
    manifest = (await client.post(PATH)).json()
    frozen, _ = await tables(settings, manifest)
    assert frozen["user_id"].to_pylist() == ["u0"] * 3 + ["u1"] * 3 + ["u2"]
    assert (manifest["users"], manifest["last_sequence"]) == (3, 7)


async def test_a_tenant_without_events_has_nothing_to_freeze(client, event) -> None:
    await fill(client, [event("a")], tenant="other")
    answer = await client.post(PATH)
    assert (answer.status_code, answer.json()["code"]) == (409, "empty_snapshot")


async def test_a_snapshot_that_is_not_there_is_a_problem(client, event) -> None:
    await fill(client, [event("a")])
    made = (await client.post(PATH)).json()["snapshot_id"]
    for path in (f"{PATH}/0000000000000000", f"/v1/tenants/other/snapshots/{made}"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "snapshot_not_found")


@pytest.mark.parametrize("file", ["events.parquet", "items.parquet"])
async def test_a_damaged_file_is_noticed_and_the_next_snapshot_mends_it(
    client, settings, event, file
) -> None:
    await fill(client, [event("a")], [{"item_id": "i1"}])
    manifest = (await client.post(PATH)).json()
    path = settings.data_dir / "objects" / "snapshots" / "acme" / manifest["snapshot_id"] / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(SnapshotDamaged, match=file):
        await tables(settings, manifest)
    path.unlink()
    with pytest.raises(SnapshotDamaged, match="missing"):
        await tables(settings, manifest)
    assert (await client.post(PATH)).json() == manifest
    assert (await tables(settings, manifest))[0].num_rows == 1


async def test_an_object_store_that_cannot_be_written_fails_the_job_clearly(
    client, settings, event
) -> None:
    await fill(client, [event("a")])
    # A file where the folder of the snapshots would be.
    (settings.data_dir / "objects" / "snapshots").write_text("")
    answer = await client.post(PATH)
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    metrics = (await client.get("/metrics")).text
    assert 'etl_job_failures_total{job_name="snapshot",reason="store_unavailable"} 1.0' in metrics
    (settings.data_dir / "objects" / "snapshots").unlink()
    assert (await client.post(PATH)).status_code == 201
    metrics = (await client.get("/metrics")).text
    assert 'etl_records_processed_total{job_name="snapshot",source="events"} 1.0' in metrics
    assert 'etl_job_duration_seconds_count{job_name="snapshot"} 2.0' in metrics
