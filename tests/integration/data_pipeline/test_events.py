"""Events one by one, and the event types."""

from typing import Any

import httpx2
import pytest

from backends.embedded.feature_reader import SqliteFeatureReader
from backends.feature_values import event_groups, histories
from data_pipeline.bootstrap import storage

pytestmark = pytest.mark.anyio

TENANT = "/v1/tenants/acme"
EVENTS = f"{TENANT}/events"
TYPES = f"{TENANT}/event-types"


async def send(client: httpx2.AsyncClient, *events: dict[str, Any]) -> dict[str, Any]:
    return (await client.post(EVENTS, json={"events": events})).json()


async def ids(client: httpx2.AsyncClient, **parameters: Any) -> list[str]:
    """The ids of a list, page by page."""
    found: list[str] = []
    while True:
        page = (await client.get(EVENTS, params={"limit": 2, **parameters})).json()
        found += [one["event_id"] for one in page["data"]]
        if page["next_cursor"] is None:
            return found
        parameters["cursor"] = page["next_cursor"]


async def history(client: httpx2.AsyncClient, user: str = "u1") -> list[str]:
    answer = await client.get(f"{TENANT}/users/{user}/history")
    return [one["item_id"] for one in answer.json()["events"]]


async def counts(settings) -> dict[str, int]:
    reader = SqliteFeatureReader(settings.features())
    found = await reader.item_counts("acme")
    await reader.close()
    return {item_id: count.events for item_id, count in found.items()}


async def test_an_event_comes_back_with_all_it_said(client, event) -> None:
    sent = event("a/b", event_type="rating", value=4.5, recommendation_id="rec-1")
    await send(client, sent)
    shown = (await client.get(f"{EVENTS}/a%2Fb")).json()
    assert shown == sent | {
        "timestamp": "2023-11-14T22:13:20Z",
        "received_at": "2025-06-15T15:06:40Z",
    }
    for path in (f"{EVENTS}/none", "/v1/tenants/other/events/a%2Fb"):
        for method in ("GET", "DELETE"):
            answer = await client.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (404, "event_not_found")


async def test_lists_are_newest_stored_first_of_a_user_or_an_item(client, event) -> None:
    for n in range(8):
        await send(client, event(f"e{n}", user_id=f"u{n % 2}", item_id=f"i{n % 3}"))
    assert await ids(client) == [f"e{n}" for n in reversed(range(8))]
    assert await ids(client, user_id="u1") == ["e7", "e5", "e3", "e1"]
    assert await ids(client, item_id="i0") == ["e6", "e3", "e0"]
    assert await ids(client, user_id="u1", item_id="i0") == ["e3"]
    assert await ids(client, user_id="unknown") == []
    assert (await client.get("/v1/tenants/other/events")).json()["data"] == []


@pytest.mark.parametrize("cursor", ["x", "ZXZlbnRzOi01", "ZXZlbnRzOng=", "aXRlbXM6NQ=="])
async def test_a_cursor_of_no_list_is_a_problem(client, cursor) -> None:
    answer = await client.get(EVENTS, params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


async def test_a_removed_event_leaves_history_and_counts(client, event, settings) -> None:
    await send(client, event("1", item_id="x"), event("2", item_id="y"), event("3", item_id="x"))
    assert (await client.delete(f"{EVENTS}/1")).status_code == 204
    assert (await history(client), await counts(settings)) == (["y", "x"], {"x": 1, "y": 1})
    assert (await client.delete(f"{EVENTS}/3")).status_code == 204
    assert (await history(client), await counts(settings)) == (["y"], {"y": 1})
    assert (await send(client, event("1", item_id="z")))["accepted"] == 1
    assert await history(client) == ["y", "z"]


async def test_a_removed_event_lets_an_older_one_back_into_the_history(
    monkeypatch, serve, event
) -> None:
    for module in (storage, histories, event_groups):
        monkeypatch.setattr(module, "HISTORY_LENGTH", 3)
    async with serve() as client:
        await send(client, *[event(f"e{n}", item_id=f"i{n}") for n in range(5)])
        assert await history(client) == ["i2", "i3", "i4"]
        await client.delete(f"{EVENTS}/e3")
        assert await history(client) == ["i1", "i2", "i4"]


async def test_an_undeclared_type_is_rejected_until_it_is_declared(client, event) -> None:
    own = event("a", event_type="add-to-cart")
    [rejection] = (await send(client, own, event("b")))["rejected"]
    assert (rejection["index"], rejection["code"]) == (0, "unknown_event_type")
    assert "PUT /event-types/add-to-cart" in rejection["reason"]
    declared = await client.put(f"{TYPES}/add-to-cart", json={"weight": 3})
    assert declared.json() == {"event_type": "add-to-cart", "weight": 3.0, "standard": False}
    assert (await send(client, own))["accepted"] == 1
    others = await client.post("/v1/tenants/other/events", json={"events": [own]})
    assert others.json()["accepted"] == 0


async def test_the_standard_types_are_always_there(client) -> None:
    names = ["click", "impression", "like", "purchase", "rating", "view"]
    listed = (await client.get(TYPES)).json()
    assert [one["event_type"] for one in listed] == names
    assert {one["event_type"]: one["weight"] for one in listed}["impression"] == 0
    await client.put(f"{TYPES}/view", json={"weight": 0.25})
    await client.put(f"{TYPES}/own", json={"weight": 2})
    listed = (await client.get(TYPES)).json()
    assert [(one["event_type"], one["weight"]) for one in listed if one["weight"] in (0.25, 2)] == [
        ("own", 2.0),
        ("view", 0.25),
    ]
    for name in ("own", "view"):
        assert (await client.delete(f"{TYPES}/{name}")).status_code == 204
    assert {one["event_type"]: one["weight"] for one in (await client.get(TYPES)).json()} == {
        **dict.fromkeys(names, 1.0),
        "impression": 0.0,
    }
    gone = await client.delete(f"{TYPES}/own")
    assert (gone.status_code, gone.json()["code"]) == (404, "event_type_not_found")


@pytest.mark.parametrize(("name", "weight"), [("Own", 1), ("own", -1), ("own", 101), ("own", "x")])
async def test_what_is_no_type_or_weight_is_refused(client, name, weight) -> None:
    answer = await client.put(f"{TYPES}/{name}", json={"weight": weight})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_tenant_has_a_bounded_number_of_types_of_its_own(monkeypatch, client) -> None:
    monkeypatch.setattr("data_pipeline.services.event_types.MAX_OWN_TYPES", 2)
    for name in ("a", "b", "view", "a"):
        assert (await client.put(f"{TYPES}/{name}", json={"weight": 1})).status_code == 200
    answer = await client.put(f"{TYPES}/c", json={"weight": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_event_types")


async def test_events_without_weight_are_no_history_until_they_get_some(
    client, event, settings
) -> None:
    await send(client, event("1", item_id="x"), event("2", item_id="y", event_type="impression"))
    assert (await history(client), await counts(settings)) == (["x"], {"x": 1})
    await client.put(f"{TYPES}/impression", json={"weight": 0.1})
    assert (await history(client), await counts(settings)) == (["x", "y"], {"x": 1, "y": 1})
    await client.put(f"{TYPES}/view", json={"weight": 0})
    assert (await history(client), await counts(settings)) == (["y"], {"y": 1})
    await client.delete(f"{TYPES}/impression")
    assert (await history(client), await counts(settings)) == ([], {})
    assert await ids(client) == ["2", "1"]


async def test_the_events_of_a_type_that_was_taken_back_stay_without_weight(client, event) -> None:
    await client.put(f"{TYPES}/own", json={"weight": 1})
    await send(client, event("1", event_type="own"))
    assert await history(client) == ["i1"]
    await client.delete(f"{TYPES}/own")
    assert (await history(client), await ids(client)) == ([], ["1"])
    manifest = (await client.post(f"{TENANT}/snapshots")).json()
    assert manifest["event_weights"]["own"] == 0


async def test_weights_outlive_a_restart_and_reach_the_features(serve, settings, event) -> None:
    async with serve() as client:
        await client.put(f"{TYPES}/own", json={"weight": 2})
    settings.features().unlink()
    async with serve() as client:
        assert (await send(client, event("1", event_type="own")))["accepted"] == 1
    reader = SqliteFeatureReader(settings.features())
    weights = await reader.event_weights("acme")
    await reader.close()
    assert (weights["own"], weights["impression"]) == (2.0, 0.0)


async def test_weights_are_part_of_what_a_snapshot_is(client, event) -> None:
    await send(client, event("1"))
    first = (await client.post(f"{TENANT}/snapshots")).json()
    assert (first["format_version"], first["event_weights"]["impression"]) == (3, 0)
    await client.put(f"{TYPES}/view", json={"weight": 0.5})
    second = (await client.post(f"{TENANT}/snapshots")).json()
    assert second["snapshot_id"] != first["snapshot_id"]
    assert second["event_weights"]["view"] == 0.5
    await client.delete(f"{TYPES}/view")
    assert (await client.post(f"{TENANT}/snapshots")).json() == first
