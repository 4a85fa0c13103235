"""Tenants set validation rules, and their records are checked by the newest."""

from typing import Any

import httpx2
import pytest

pytestmark = pytest.mark.anyio

TENANT = "/v1/tenants/acme"
RULES = f"{TENANT}/validation-rules"
STANDARD = {
    "events": {
        "types": {},
        "max_seconds_ahead": 300,
        "max_age_days": None,
        "unknown_items": "accept",
    },
    "items": {"required": [], "ranges": {}},
    "users": {"required": [], "ranges": {}},
}


async def put(client: httpx2.AsyncClient, **rules: Any) -> dict[str, Any]:
    answer = await client.put(RULES, json=rules)
    assert answer.status_code == 200
    return answer.json()


async def send(client: httpx2.AsyncClient, kind: str, *records: dict[str, Any]) -> dict[str, Any]:
    return (await client.post(f"{TENANT}/{kind}", json={kind: records})).json()


async def versions(client: httpx2.AsyncClient, limit: int) -> list[int]:
    found: list[int] = []
    parameters: dict[str, Any] = {"limit": limit}
    while True:
        page = (await client.get(f"{RULES}/versions", params=parameters)).json()
        found += [one["version"] for one in page["data"]]
        if page["next_cursor"] is None:
            return found
        parameters["cursor"] = page["next_cursor"]


async def test_the_standard_is_in_force_at_first(client) -> None:
    assert (await client.get(RULES)).json() == {
        "version": 0,
        "created_at": None,
        "rules": STANDARD,
    }
    assert await versions(client, 10) == []
    assert (await client.delete(RULES)).status_code == 204
    assert (await client.get(RULES)).json()["version"] == 0


async def test_each_replacement_is_a_version_that_stays(client) -> None:
    first = await put(client, events={"max_age_days": 30})
    assert first == {
        "version": 1,
        "created_at": "2025-06-15T15:06:40Z",
        "rules": STANDARD | {"events": STANDARD["events"] | {"max_age_days": 30}},
    }
    assert await put(client, events={"max_age_days": 30}) == first
    await put(client, events={"max_age_days": 31})
    assert (await client.delete(RULES)).status_code == 204
    current = (await client.get(RULES)).json()
    assert (current["version"], current["rules"]) == (3, STANDARD)
    assert await versions(client, 2) == await versions(client, 10) == [3, 2, 1]
    listed = (await client.get(f"{RULES}/versions")).json()["data"]
    assert listed[-1] == first
    others = await client.get("/v1/tenants/other/validation-rules")
    assert others.json()["version"] == 0


@pytest.mark.parametrize(
    "rules",
    [
        {"events": {"max_seconds_ahead": 86_401}},
        {"events": {"types": {"rating": {"value": {"min": 5, "max": 1}}}}},
        {"items": {"required": ["item_id"]}},
        {"unknown": {}},
    ],
    ids=str,
)
async def test_what_is_no_rule_is_refused(client, rules) -> None:
    answer = await client.put(RULES, json=rules)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert await versions(client, 10) == []


async def test_a_cursor_of_no_list_is_a_problem(client) -> None:
    answer = await client.get(f"{RULES}/versions", params={"cursor": "x"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


async def test_events_are_checked_by_the_newest_rules(client, event) -> None:
    await put(client, events={"types": {"rating": {"value": {"min": 1, "max": 5}}}})
    await put(client, events={"types": {"rating": {"value": {"min": 1, "max": 10}}}})
    ratings = [event(f"e{n}", event_type="rating", value=n) for n in (0, 10, 11)]
    result = await send(client, "events", *ratings)
    assert (result["accepted"], [one["index"] for one in result["rejected"]]) == (1, [0, 2])
    assert result["rejected"][0] == {
        "index": 0,
        "code": "out_of_range",
        "reason": "value must be from 1 to 10 (rule events.types.rating.value, rules version 2).",
    }
    await client.delete(RULES)
    assert (await send(client, "events", *ratings))["accepted"] == 2


async def test_unknown_items_are_rejected_where_the_rules_say_so(client, event) -> None:
    assert (await send(client, "events", event("1", item_id="unheard")))["accepted"] == 1
    await put(client, events={"unknown_items": "reject"})
    await client.put(f"{TENANT}/items/i1", json={})
    await client.put("/v1/tenants/other/items/i2", json={})
    events = [event("2"), event("3", item_id="i2"), event("4", item_id="i\x00")]
    result = await send(client, "events", *events)
    assert result["accepted"] == 1
    assert [one["code"] for one in result["rejected"]] == ["unknown_item", "invalid_identifier"]
    await client.put(f"{TENANT}/items/i2", json={})
    assert (await send(client, "events", event("3", item_id="i2")))["accepted"] == 1


async def test_items_and_users_in_batches_are_checked_by_the_rules(client) -> None:
    await put(
        client,
        items={"required": ["title"], "ranges": {"attributes.price": {"min": 0}}},
        users={"required": ["attributes.age"]},
    )
    cheap = {"item_id": "b", "title": "B", "attributes": {"price": -1}}
    items = await send(client, "items", {"item_id": "a", "title": "A"}, cheap, {"item_id": "c"})
    assert items["accepted"] == 1
    assert [one["code"] for one in items["rejected"]] == ["out_of_range", "missing_field"]
    users = await send(
        client, "users", {"user_id": "u", "attributes": {"age": 5}}, {"user_id": "v"}
    )
    assert (users["accepted"], [one["code"] for one in users["rejected"]]) == (1, ["missing_field"])


async def test_single_items_and_users_are_checked_by_the_rules(client) -> None:
    before = await client.put(f"{TENANT}/items/old", json={})
    await put(client, items={"required": ["title"]}, users={"required": ["attributes.age"]})
    for method, path, body in (
        ("PUT", "items/new", {}),
        ("PATCH", "items/old", {"year": 1999}),
        ("PUT", "users/u", {"attributes": {"name": "x"}}),
    ):
        answer = await client.request(method, f"{TENANT}/{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "rule_broken")
        assert "is missing (rule " in answer.json()["detail"]
        assert "rules version 1" in answer.json()["detail"]
    assert (await client.get(f"{TENANT}/items/new")).status_code == 404
    assert (await client.get(f"{TENANT}/users/u")).status_code == 404
    assert (await client.get(f"{TENANT}/items/old")).json() == before.json()
    patched = await client.patch(f"{TENANT}/items/old", json={"title": "t", "year": 1999})
    assert patched.json()["year"] == 1999
    user = await client.put(f"{TENANT}/users/u", json={"attributes": {"age": 5}})
    assert user.status_code == 201
    gone = await client.patch(f"{TENANT}/users/u", json={"attributes": {"age": None}})
    assert gone.json()["code"] == "rule_broken"


async def test_rules_outlive_a_restart(serve, event) -> None:
    async with serve() as client:
        await put(client, events={"max_age_days": 1})
    async with serve() as client:
        [rejected] = (await send(client, "events", event("1")))["rejected"]
        assert rejected["code"] == "timestamp_too_old"
