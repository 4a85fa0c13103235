"""Training snapshots over HTTP, and what is in their files."""

from datetime import UTC, datetime

import pytest

import data_pipeline.services.snapshots
from backends.object_store import UrlObjectStore
from backends.snapshot_manifests import SnapshotDamaged
from backends.snapshots import EVENT_SCHEMA, ITEM_SCHEMA, SnapshotStore

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
    assert (manifest["profile"]["users"], manifest["last_sequence"]) == (2, 3)
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
    values = (None, 1.5, 0.0, -0.0)
    events = [event(f"e{n}", user_id=f"u{n % 3}", value=values[n % 4]) for n in range(24)]
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
    assert (manifest["profile"]["users"], manifest["last_sequence"]) == (3, 7)


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


async def test_a_snapshot_says_what_its_data_are_like_and_how_they_drifted(client, event) -> None:
    events = [
        event("a", user_id="u1", item_id="i1"),
        event("b", user_id="u1", item_id="i2", timestamp=1_700_000_009),
        event("c", user_id="u2", item_id="i1", event_type="like"),
    ]
    await fill(client, events, [{"item_id": "i1"}, {"item_id": "i9"}])
    first = (await client.post(PATH)).json()
    assert first["format_version"] == 3
    assert (first["previous_snapshot_id"], first["drift"]) == (None, None)
    one_or_two = {"least": 1, "q25": 1, "median": 1, "q75": 2, "q90": 2, "q99": 2, "most": 2}
    assert first["profile"] == {
        "events": 3,
        "users": 2,
        "items": 2,
        "catalogue_items": 2,
        "sparsity": 0.25,
        "cold_item_share": 0.5,
        "first_event_at": "2023-11-14T22:13:20Z",
        "last_event_at": "2023-11-14T22:13:29Z",
        "events_by_type": {"like": 1, "view": 2},
        "events_per_user": one_or_two,
        "events_per_item": one_or_two,
    }
    await fill(client, [event("d", user_id="u3", item_id="i3")])
    second = (await client.post(PATH)).json()
    assert second["previous_snapshot_id"] == first["snapshot_id"]
    drift = second["drift"]
    assert (drift["events_change"], drift["users_change"]) == (0.333333333, 0.5)
    assert (drift["new_user_share"], drift["new_item_share"]) == (0.333333333, 0.333333333)
    metrics = (await client.get("/metrics")).text
    assert 'data_snapshot_rows{data_type="events",tenant_id="acme"} 4.0' in metrics
    shown = drift["item_popularity"]
    assert f'data_snapshot_drift{{feature="item_popularity",tenant_id="acme"}} {shown}' in metrics


async def test_without_a_readable_snapshot_before_there_is_no_drift(
    client, settings, event
) -> None:
    await fill(client, [event("a")])
    first = (await client.post(PATH)).json()
    (settings.data_dir / "objects" / first["events"]["key"]).write_bytes(b"damaged")
    await fill(client, [event("b")])
    second = (await client.post(PATH)).json()
    assert (second["previous_snapshot_id"], second["drift"]) == (first["snapshot_id"], None)


async def test_snapshots_are_listed_last_made_first(client, event) -> None:
    made: list[str] = []
    for name in "abcde":
        await fill(client, [event(name)])
        made.insert(0, (await client.post(PATH)).json()["snapshot_id"])
    await fill(client, [event("a")], tenant="other")
    await client.post("/v1/tenants/other/snapshots")
    seen: list[str] = []
    query = "?limit=2"
    while query:
        page = (await client.get(PATH + query)).json()
        seen += [manifest["snapshot_id"] for manifest in page["data"]]
        query = page["next_cursor"] and f"?limit=2&cursor={page['next_cursor']}"
    assert seen == made
    assert (await client.get(f"{PATH}?cursor=none")).json()["code"] == "invalid_cursor"


async def test_a_snapshot_that_is_made_again_is_the_last_made(client, event) -> None:
    await fill(client, [event("a")])
    first = (await client.post(PATH)).json()
    await fill(client, [event("b", item_id="i2")])
    second = (await client.post(PATH)).json()
    await client.delete("/v1/tenants/acme/events/b")
    assert (await client.post(PATH)).json() == first
    listed = (await client.get(PATH)).json()["data"]
    assert listed == [first, second]


async def training_data(client, tenant="acme") -> tuple[int, int, str | None]:
    answer = await client.get(f"/v1/tenants/{tenant}/training-data")
    data = answer.json()
    assert answer.status_code == 200
    return data["events"], data["events_since_snapshot"], data["last_snapshot_id"]


async def test_new_events_are_counted_since_the_last_snapshot(client, event) -> None:
    assert await training_data(client) == (0, 0, None)
    await fill(client, [event(f"e{n}", user_id=f"u{n}") for n in range(5)])
    await fill(client, [event("e0")])
    await fill(client, [event("a")], tenant="other")
    assert await training_data(client) == (5, 5, None)
    made = (await client.post(PATH)).json()
    assert await training_data(client) == (5, 0, made["snapshot_id"])
    shown = (await client.get("/v1/tenants/acme/training-data")).json()
    assert shown["last_snapshot_at"] == made["created_at"]
    await fill(client, [event("new", user_id="u9")])
    assert await training_data(client) == (6, 1, made["snapshot_id"])
    # What is removed takes nothing from what came.
    await client.delete("/v1/tenants/acme/events/new")
    await client.delete("/v1/tenants/acme/events/e1")
    assert await training_data(client) == (4, 1, made["snapshot_id"])
    assert (await training_data(client, "other"))[:2] == (1, 1)


async def test_an_erasure_removes_snapshots_from_the_list_and_counts_nothing_anew(
    client, event
) -> None:
    await fill(client, [event("a", user_id="u1"), event("b", user_id="u2")])
    with_user = (await client.post(PATH)).json()["snapshot_id"]
    erased = (await client.delete("/v1/tenants/acme/users/u1")).json()
    assert {"place": "training snapshots", "removed": 1, "remaining": 0} in erased["places"]
    assert (await client.get(PATH)).json()["data"] == []
    assert (await client.get(f"{PATH}/{with_user}")).status_code == 404
    assert await training_data(client) == (1, 0, with_user)
    successor = (await client.post(PATH)).json()
    assert (successor["profile"]["users"], successor["previous_snapshot_id"]) == (1, None)


async def test_no_file_of_a_snapshot_is_left_outside_the_object_store(
    serve, settings, event
) -> None:
    folder = settings.snapshots()
    async with serve() as client:
        await fill(client, [event("a")])
        await client.post(PATH)
        assert list(folder.iterdir()) == []
        (settings.data_dir / "objects" / "snapshots" / "other").write_text("")
        await fill(client, [event("a")], tenant="other")
        assert (await client.post("/v1/tenants/other/snapshots")).status_code == 503
        assert (await client.post("/v1/tenants/nobody/snapshots")).status_code == 409
        assert list(folder.iterdir()) == []
    (folder / "cut-off").mkdir()
    (folder / "cut-off" / "events.parquet").write_bytes(b"PAR1")
    async with serve():
        assert not folder.exists()


async def test_a_disk_that_takes_no_files_fails_the_job_clearly(client, settings, event) -> None:
    await fill(client, [event("a")])
    settings.snapshots().write_text("a file where the folder would be")
    answer = await client.post(PATH)
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    settings.snapshots().unlink()
    assert (await client.post(PATH)).status_code == 201
