"""Items, users, events and event types through the public API."""

import json
from typing import Any

import httpx2
import pytest
from tests.integration.backend_api.conftest import Api

pytestmark = pytest.mark.anyio
CONTENT = {"title": "The Matrix", "categories": ["Action"], "year": 1999}
PROFILE = {"attributes": {"age": 34}}
RECORDS = [("/items/a%2Fb", CONTENT, {"year": 2000}), ("/users/a%2Fb", PROFILE, {"attributes": {}})]
EVENT = {
    "event_id": "e/1",
    "user_id": "u",
    "item_id": "i",
    "event_type": "view",
    "timestamp": "2026-01-31T12:00:00Z",
}


def refused(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


@pytest.mark.parametrize(("path", "content", "changes"), RECORDS)
async def test_a_record_is_put_read_changed_and_replaced(
    api: Api, path: str, content: dict[str, Any], changes: dict[str, Any]
) -> None:
    created = await api.send("PUT", path, content)
    assert created.status_code == 201
    assert created.headers["etag"] == f'"{created.json()["version"]}"'
    read = await api.send("GET", path)
    assert read.json() == created.json()
    assert read.headers["etag"] == created.headers["etag"]
    assert content.items() <= read.json().items()
    assert "a/b" in read.json().values()
    patched = await api.send("PATCH", path, changes, content_type="application/merge-patch+json")
    assert patched.status_code == 200
    assert patched.json()["version"] > created.json()["version"]
    assert (await api.send("PUT", path, content)).status_code == 200


@pytest.mark.parametrize(("path", "content", "changes"), RECORDS)
async def test_a_change_insists_on_the_version_it_knows(
    api: Api, path: str, content: dict[str, Any], changes: dict[str, Any]
) -> None:
    tag = (await api.send("PUT", path, content)).headers["etag"]
    changed = await api.send("PATCH", path, changes, if_match=tag)
    assert changed.status_code == 200
    for method, body in (("PATCH", changes), ("PUT", content)):
        assert refused(await api.send(method, path, body, if_match=tag)) == (
            412,
            "version_conflict",
        )
    again = await api.send("PUT", path, content, if_match=changed.headers["etag"])
    assert again.status_code == 200


@pytest.mark.parametrize(("path", "content", "changes"), RECORDS)
async def test_create_only_and_replace_only(
    api: Api, path: str, content: dict[str, Any], changes: dict[str, Any]
) -> None:
    conflict = (412, "version_conflict")
    assert refused(await api.send("PUT", path, content, if_match="*")) == conflict
    assert (await api.send("PUT", path, content, if_none_match="*")).status_code == 201
    assert refused(await api.send("PUT", path, content, if_none_match="*")) == conflict
    assert (await api.send("PUT", path, content, if_match="*")).status_code == 200
    assert (await api.send("PATCH", path, changes, if_match="*")).status_code == 200
    assert refused(await api.send("PATCH", path, changes, if_none_match="*")) == conflict


@pytest.mark.parametrize("tag", ['"abc"', 'W/"1"', '"0"', '"99999999999999999999"'])
async def test_a_tag_that_no_record_has_conflicts(api: Api, tag: str) -> None:
    await api.send("PUT", "/items/a", CONTENT)
    response = await api.send("DELETE", "/items/a", if_match=tag)
    assert refused(response) == (412, "version_conflict")


@pytest.mark.parametrize(
    "headers",
    [
        {"if_match": "7"},
        {"if_match": '"1", "2"'},
        {"if_match": ""},
        {"if_none_match": '"1"'},
        {"if_match": '"1"', "if_none_match": "*"},
    ],
)
async def test_a_precondition_that_cannot_be_understood_is_refused(
    api: Api, headers: dict[str, str]
) -> None:
    response = await api.send("PUT", "/items/a", CONTENT, **headers)
    assert refused(response) == (422, "invalid_precondition")
    assert not api.data_pipeline.items


async def test_an_item_is_deleted(api: Api) -> None:
    tag = (await api.send("PUT", "/items/a", CONTENT)).headers["etag"]
    gone = await api.send("DELETE", "/items/a", if_match=tag)
    assert (gone.status_code, gone.headers.get("content-type")) == (204, None)
    assert refused(await api.send("GET", "/items/a")) == (404, "item_not_found")
    assert refused(await api.send("DELETE", "/items/a")) == (404, "item_not_found")


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/items/a", "item_not_found"),
        ("PATCH", "/items/a", "item_not_found"),
        ("DELETE", "/items/a", "item_not_found"),
        ("GET", "/users/a", "user_not_found"),
        ("PATCH", "/users/a", "user_not_found"),
        ("GET", "/events/a", "event_not_found"),
        ("DELETE", "/events/a", "event_not_found"),
        ("DELETE", "/event-types/share", "event_type_not_found"),
    ],
)
async def test_what_another_tenant_has_is_not_found(
    api: Api, method: str, path: str, code: str
) -> None:
    await api.send("PUT", "/items/a", CONTENT, by="globex")
    await api.send("PUT", "/users/a", PROFILE, by="globex")
    await api.send("POST", "/events", {"events": [{**EVENT, "event_id": "a"}]}, by="globex")
    await api.send("PUT", "/event-types/share", {"weight": 1}, by="globex")
    body = {} if method == "PATCH" else None
    assert refused(await api.send(method, path, body)) == (404, code)


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PUT", "/items/a", {"year": "1999"}, "body.year"),
        ("PUT", "/items/a", {"attributes": {"9x": 1}}, "body.attributes.9x"),
        ("PATCH", "/items/a", {"categories": ["\x00"]}, "body.categories.0"),
        ("PUT", "/users/a", {"name": "A"}, "body.name"),
        ("POST", "/users/a/merge", {}, "body.from_user_id"),
        ("PUT", "/event-types/share", {"weight": -1}, "body.weight"),
        ("PUT", "/event-types/Share", {"weight": 1}, "path.event_type"),
        ("GET", "/items?limit=1001", None, "query.limit"),
    ],
)
async def test_what_is_wrong_is_named_before_anything_is_asked(
    api: Api, method: str, path: str, body: Any, field: str
) -> None:
    response = await api.send(method, path, body)
    assert refused(response) == (422, "invalid_request")
    assert response.json()["errors"][0]["field"].startswith(field)
    assert not api.data_pipeline.seen


async def test_batches_of_items_and_users_are_stored(api: Api) -> None:
    items = await api.send("POST", "/items", {"items": [{"item_id": "a", **CONTENT}]})
    users = await api.send("POST", "/users", {"users": [{"user_id": "u", **PROFILE}]})
    assert [items.status_code, users.status_code] == [200, 200]
    assert items.json() == users.json() == {"accepted": 1, "duplicates": 0, "rejected": []}
    listed = await api.send("GET", "/items?limit=5")
    assert [row["item_id"] for row in listed.json()["data"]] == ["a"]
    listed = await api.send("GET", "/users")
    assert [row["user_id"] for row in listed.json()["data"]] == ["u"]


async def test_events_are_listed_by_user_and_item_and_deleted(api: Api) -> None:
    other = {**EVENT, "event_id": "2", "user_id": "v"}
    await api.send("POST", "/events", {"events": [EVENT, other]})
    of_user = (await api.send("GET", "/events?user_id=u")).json()
    assert [row["event_id"] for row in of_user["data"]] == ["e/1"]
    of_item = (await api.send("GET", "/events?item_id=i&limit=1")).json()
    assert of_item["next_cursor"] is not None
    cursor = await api.send("GET", "/events?cursor=made-up")
    assert refused(cursor) == (422, "invalid_cursor")
    assert (await api.send("GET", "/events/e%2F1")).json()["user_id"] == "u"
    assert (await api.send("DELETE", "/events/e/1")).status_code == 204
    assert refused(await api.send("GET", "/events/e/1")) == (404, "event_not_found")


async def test_event_types_are_declared_listed_and_taken_back(api: Api) -> None:
    kept = {"event_type": "share", "weight": 2.0, "standard": False}
    assert (await api.send("PUT", "/event-types/share", {"weight": 2})).json() == kept
    assert (await api.send("GET", "/event-types")).json() == [kept]
    assert (await api.send("DELETE", "/event-types/share")).status_code == 204


async def test_validation_rules_are_replaced_listed_and_reset(api: Api) -> None:
    standard = (await api.send("GET", "/validation-rules")).json()
    assert (standard["version"], standard["created_at"]) == (0, None)
    assert standard["rules"]["events"]["max_seconds_ahead"] == 300
    sent = {"items": {"ranges": {"attributes.price": {"min": 0}}}}
    replaced = await api.send("PUT", "/validation-rules", sent)
    assert replaced.json()["rules"]["items"]["ranges"] == {
        "attributes.price": {"min": 0, "max": None}
    }
    assert (await api.send("GET", "/validation-rules")).json() == replaced.json()
    assert (await api.send("DELETE", "/validation-rules")).status_code == 204
    page = (await api.send("GET", "/validation-rules/versions?limit=1")).json()
    assert [row["version"] for row in page["data"]] == [2]
    assert page["next_cursor"] is not None
    rest = await api.send("GET", f"/validation-rules/versions?cursor={page['next_cursor']}")
    assert replaced.json() in rest.json()["data"]
    cursor = await api.send("GET", "/validation-rules/versions?cursor=made-up")
    assert refused(cursor) == (422, "invalid_cursor")


async def test_a_session_becomes_a_user(api: Api) -> None:
    response = await api.send("POST", "/users/a%2Fb/merge", {"from_user_id": "s"})
    assert response.json() == {"user_id": "a/b", "from_user_id": "s", "events_moved": 0}
    history = await api.send("GET", "/users/a%2Fb/history")
    assert history.json() == {"user_id": "a/b", "events": []}


async def test_a_merge_patch_goes_on_with_its_nulls_and_nothing_else(api: Api) -> None:
    await api.send("PUT", "/items/a", CONTENT)
    changes = {"year": None, "attributes": {"price": None, "stock": 3}}
    await api.send("PATCH", "/items/a", changes)
    assert json.loads(api.data_pipeline.bodies("/items/a")[-1]) == changes
