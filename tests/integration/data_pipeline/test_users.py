"""Users: profiles, merges, what is stored of one."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

pytestmark = pytest.mark.anyio

TENANT = "/v1/tenants/acme"
USERS = f"{TENANT}/users"


async def send(client: httpx2.AsyncClient, *events: dict[str, Any]) -> None:
    answer = await client.post(f"{TENANT}/events", json={"events": events})
    assert answer.json()["accepted"] == len(events), answer.text


async def merge(client: httpx2.AsyncClient, session: str, user: str) -> httpx2.Response:
    return await client.post(f"{USERS}/{user}/merge", json={"from_user_id": session})


async def history(client: httpx2.AsyncClient, user: str) -> list[str]:
    answer = await client.get(f"{USERS}/{user}/history")
    return [one["item_id"] for one in answer.json()["events"]]


async def test_a_profile_is_put_patched_and_listed(client) -> None:
    assert (await client.put(f"{USERS}/b", json={})).status_code == 201
    put = await client.put(f"{USERS}/a%2Fdata", json={"attributes": {"plan": "gold", "age": 7}})
    assert (put.status_code, put.json()["user_id"]) == (201, "a/data")
    patched = await client.patch(f"{USERS}/a%2Fdata", json={"attributes": {"age": None}})
    assert patched.json()["attributes"] == {"plan": "gold"}
    first = (await client.get(USERS, params={"limit": 1})).json()
    assert first["data"] == [patched.json()]
    rest = await client.get(USERS, params={"limit": 1, "cursor": first["next_cursor"]})
    assert [user["user_id"] for user in rest.json()["data"]] == ["b"]


async def test_a_batch_of_users_is_stored_and_an_equal_one_is_a_duplicate(client) -> None:
    users = [{"user_id": "a", "attributes": {"x": 1}}, {"user_id": "b"}, {"user_id": ""}]
    sent = (await client.post(USERS, json={"users": users})).json()
    assert (sent["accepted"], sent["duplicates"], len(sent["rejected"])) == (2, 0, 1)
    again = (await client.post(USERS, json={"users": users[:2]})).json()
    assert (again["accepted"], again["duplicates"]) == (0, 2)


async def test_a_user_with_events_only_has_an_empty_profile_of_version_0(client, event) -> None:
    assert (await client.get(f"{USERS}/u1")).json()["code"] == "user_not_found"
    assert (await client.patch(f"{USERS}/u1", json={})).status_code == 404
    await send(client, event("a"))
    shown = (await client.get(f"{USERS}/u1")).json()
    assert (shown["attributes"], shown["version"]) == ({}, 0)
    assert (await client.get(f"{TENANT}/users")).json()["data"] == []
    created = await client.put(f"{USERS}/u1?if_match=0", json={"attributes": {"x": 1}})
    assert (created.status_code, created.json()["version"] > 0) == (201, True)


async def test_a_change_asks_for_the_version_it_was_made_for(client) -> None:
    version = (await client.put(f"{USERS}/a", json={})).json()["version"]
    for method in ("PUT", "PATCH"):
        for wrong in (0, version + 1):
            answer = await client.request(method, f"{USERS}/a?if_match={wrong}", json={})
            assert (answer.status_code, answer.json()["code"]) == (412, "version_conflict")
    right = await client.patch(f"{USERS}/a?if_match={version}", json={"attributes": {"x": 1}})
    assert right.status_code == 200


async def test_a_merged_session_has_its_events_under_the_user_now_and_later(client, event) -> None:
    await send(client, event("1", user_id="anon", item_id="x"), event("2", item_id="y"))
    merged = await merge(client, "anon", "u1")
    assert merged.json() == {"user_id": "u1", "from_user_id": "anon", "events_moved": 1}
    assert await history(client, "u1") == ["x", "y"]
    await send(client, event("3", user_id="anon", item_id="z", timestamp=1_700_000_009))
    assert await history(client, "u1") == await history(client, "anon") == ["x", "y", "z"]
    listed = await client.get(f"{TENANT}/events", params={"user_id": "anon"})
    assert [one["event_id"] for one in listed.json()["data"]] == ["3", "2", "1"]
    again = await merge(client, "anon", "u1")
    assert (again.status_code, again.json()["events_moved"]) == (200, 0)


async def test_merges_follow_chains_and_refuse_cycles(client, event) -> None:
    await send(client, event("1", user_id="a", item_id="x"))
    for session, user in (("a", "b"), ("b", "c"), ("late", "a")):
        assert (await merge(client, session, user)).status_code == 200
    assert await history(client, "c") == ["x"]
    await send(client, event("2", user_id="late", item_id="y"))
    assert await history(client, "c") == ["x", "y"]
    for session, user in (("c", "a"), ("c", "b"), ("c", "c"), ("a", "a"), ("new", "new")):
        answer = await merge(client, session, user)
        assert (answer.status_code, answer.json()["code"]) == (409, "merge_cycle"), (session, user)
    other = await merge(client, "a", "somebody-else")
    assert (other.status_code, other.json()["code"]) == (409, "already_merged")


async def test_a_merge_fills_what_the_users_profile_lacks(client) -> None:
    await client.put(f"{USERS}/anon", json={"attributes": {"plan": "none", "city": "Bonn"}})
    await client.put(f"{USERS}/u1", json={"attributes": {"plan": "gold"}})
    await merge(client, "anon", "u1")
    listed = (await client.get(USERS)).json()["data"]
    assert [(user["user_id"], user["attributes"]) for user in listed] == [
        ("u1", {"plan": "gold", "city": "Bonn"})
    ]
    assert (await client.get(f"{USERS}/anon")).json()["user_id"] == "u1"
    await client.patch(f"{USERS}/anon", json={"attributes": {"city": "Köln"}})
    await client.post(USERS, json={"users": [{"user_id": "anon", "attributes": {"n": 1}}]})
    [only] = (await client.get(USERS)).json()["data"]
    assert (only["user_id"], only["attributes"]) == ("u1", {"n": 1})


async def test_the_data_of_a_user_is_all_that_is_stored(
    monkeypatch: pytest.MonkeyPatch, client, event: Callable[..., dict[str, Any]]
) -> None:
    monkeypatch.setattr("data_pipeline.services.people.PAGE", 2)
    await send(client, *[event(f"e{n}", event_type="impression") for n in range(5)])
    await send(client, event("other", user_id="u2"))
    await client.put(f"{USERS}/u1", json={"attributes": {"x": 1}})
    await merge(client, "anon", "u1")
    data = (await client.get(f"{USERS}/anon/data")).json()
    assert [one["event_id"] for one in data["events"]] == ["e4", "e3", "e2", "e1", "e0"]
    assert (data["user_id"], data["merged_from"]) == ("u1", ["anon"])
    assert data["profile"]["attributes"] == {"x": 1}


async def test_where_nothing_is_stored_of_a_user_there_is_no_data(client, event) -> None:
    async def answered(user_id: str) -> tuple[int, str | None]:
        response = await client.get(f"{USERS}/{user_id}/data")
        return response.status_code, response.json().get("code")

    assert await answered("u1") == (404, "user_not_found")
    await send(client, event("1"))
    await client.put(f"{USERS}/of-profile", json={})
    await merge(client, "anon", "of-merge")
    for known in ("u1", "of-profile", "of-merge"):
        assert await answered(known) == (200, None)
        await client.delete(f"{USERS}/{known}")
        assert await answered(known) == (404, "user_not_found")


async def test_another_tenants_users_are_as_good_as_none(client, event) -> None:
    await send(client, event("1"))
    await client.put(f"{USERS}/u1", json={})
    others = "/v1/tenants/other/users"
    assert (await client.get(f"{others}/u1")).status_code == 404
    assert (await client.get(others)).json()["data"] == []
    await client.post(f"{others}/u2/merge", json={"from_user_id": "u1"})
    assert await history(client, "u1") == ["i1"]
    assert (await client.get(f"{USERS}/u1/data")).json()["events"] != []
