"""Items one by one: create, replace, patch, remove, list."""

import pytest

from backends.embedded.feature_reader import SqliteFeatureReader

pytestmark = pytest.mark.anyio

ITEMS = "/v1/tenants/acme/items"
FULL = {
    "title": "Alien",
    "categories": ["Horror"],
    "year": 1979,
    "attributes": {"price": 9.5, "tags": ["space"], "new": True},
    "location": {"latitude": 52.5, "longitude": 13.4},
    "available": False,
}
EMPTY = {
    "title": None,
    "categories": [],
    "year": None,
    "attributes": {},
    "location": None,
    "available": True,
}


async def test_an_item_comes_back_as_it_was_put(client) -> None:
    put = await client.put(f"{ITEMS}/a", json=FULL)
    assert put.status_code == 201
    item = put.json()
    assert {name: item[name] for name in FULL} == FULL
    assert (item["item_id"], item["updated_at"]) == ("a", "2025-06-15T15:06:40Z")
    shown = await client.get(f"{ITEMS}/a")
    assert (shown.status_code, shown.json()) == (200, item)


async def test_an_id_may_hold_slashes_and_odd_letters(client) -> None:
    for path, item_id in [("a%2Fb%20c", "a/b c"), ("similar", "similar"), ("%C3%BC%3F", "ü?")]:
        assert (await client.put(f"{ITEMS}/{path}", json={})).json()["item_id"] == item_id
        assert (await client.get(f"{ITEMS}/{path}")).json()["item_id"] == item_id


async def test_a_version_grows_with_each_change_and_only_then(client) -> None:
    first = (await client.put(f"{ITEMS}/a", json=FULL)).json()["version"]
    same = await client.put(f"{ITEMS}/a", json=FULL)
    assert (same.status_code, same.json()["version"]) == (200, first)
    await client.post(ITEMS, json={"items": [{**FULL, "item_id": "a"}]})
    assert (await client.get(f"{ITEMS}/a")).json()["version"] == first
    changed = await client.put(f"{ITEMS}/a", json={})
    assert (changed.status_code, changed.json()["version"] > first) == (200, True)


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({}, {}),
        ({"title": "Aliens"}, {"title": "Aliens"}),
        ({"available": True}, {"available": True}),
        (dict.fromkeys(FULL), EMPTY),
        (
            {"attributes": {"price": None, "colour": "red"}},
            {"attributes": {"tags": ["space"], "new": True, "colour": "red"}},
        ),
    ],
)
async def test_a_patch_changes_what_it_names_and_null_takes_away(client, changes, differs) -> None:
    await client.put(f"{ITEMS}/a", json=FULL)
    patched = await client.patch(f"{ITEMS}/a", json=changes)
    assert patched.status_code == 200
    assert {name: patched.json()[name] for name in FULL} == FULL | differs
    assert (await client.get(f"{ITEMS}/a")).json() == patched.json()


async def test_a_patch_cannot_make_too_many_attributes(client) -> None:
    await client.put(f"{ITEMS}/a", json={"attributes": {f"a{n}": n for n in range(50)}})
    answer = await client.patch(f"{ITEMS}/a", json={"attributes": {"more": 1}})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    replaced = await client.patch(f"{ITEMS}/a", json={"attributes": {"more": 1, "a0": None}})
    assert replaced.status_code == 200


async def test_a_change_asks_for_the_version_it_was_made_for(client) -> None:
    new = f"{ITEMS}/a?if_match=0"
    version = (await client.put(new, json={})).json()["version"]
    for method, body in (("PUT", {"title": "x"}), ("PATCH", {"title": "x"}), ("DELETE", None)):
        for wrong in (0, version - 1, version + 1):
            answer = await client.request(method, f"{ITEMS}/a?if_match={wrong}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (412, "version_conflict")
    assert (await client.get(f"{ITEMS}/a")).json()["title"] is None
    patched = await client.patch(f"{ITEMS}/a?if_match={version}", json={"title": "x"})
    assert patched.status_code == 200
    removed = await client.delete(f"{ITEMS}/a?if_match={patched.json()['version']}")
    assert (removed.status_code, removed.headers.get("content-type")) == (204, None)
    assert (await client.put(f"{ITEMS}/a?if_match=5", json={})).status_code == 412
    assert (await client.put(new, json={})).status_code == 201


async def test_a_removed_item_is_gone_until_it_is_put_again(client, settings) -> None:
    await client.post(ITEMS, json={"items": [{"item_id": "a", **FULL}, {"item_id": "b"}]})
    assert (await client.delete(f"{ITEMS}/a")).status_code == 204
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        answer = await client.request(method, f"{ITEMS}/a", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "item_not_found")
    assert [one["item_id"] for one in (await client.get(ITEMS)).json()["data"]] == ["b"]
    reader = SqliteFeatureReader(settings.features())
    [_, removed] = await reader.items_after("acme", 0)
    assert (removed.item_id, removed.removed, removed.title) == ("a", True, None)
    revived = await client.put(f"{ITEMS}/a", json=FULL)
    assert (revived.status_code, revived.json()["version"] > removed.sequence) == (201, True)
    [again] = await reader.items_after("acme", removed.sequence)
    await reader.close()
    assert (again.removed, again.attributes, again.location) == (
        False,
        FULL["attributes"],
        (52.5, 13.4),
    )


async def test_a_batch_revives_a_removed_item_that_looks_as_empty_as_its_rest(client) -> None:
    await client.put(f"{ITEMS}/a", json={"available": False})
    await client.delete(f"{ITEMS}/a")
    sent = await client.post(ITEMS, json={"items": [{"item_id": "a", "available": False}]})
    assert sent.json()["accepted"] == 1
    assert (await client.get(f"{ITEMS}/a")).status_code == 200


async def test_pages_hold_every_item_once_by_id(client) -> None:
    names = [f"i{n:02}" for n in range(7)] + ["ä", "Z"]
    await client.post(ITEMS, json={"items": [{"item_id": name} for name in names]})
    await client.put("/v1/tenants/other/items/foreign", json={})
    found, cursor = [], None
    while True:
        parameters = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(ITEMS, params=parameters)).json()
        found += [one["item_id"] for one in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == sorted(names)


@pytest.mark.parametrize(
    "cursor", ["", "x", "abc=", "ZXZlbnRzOjU=", "aXRlbXM6", "\u00fc", "aXRlbXM6YQ"]
)
@pytest.mark.parametrize("path", ["items", "users"])
async def test_a_cursor_of_no_list_is_a_problem(client, path, cursor) -> None:
    answer = await client.get(f"/v1/tenants/acme/{path}", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


@pytest.mark.parametrize("limit", [0, 1_001, "x"])
async def test_a_page_has_a_sensible_size(client, limit) -> None:
    answer = await client.get(ITEMS, params={"limit": limit})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_another_tenants_item_is_as_good_as_none(client) -> None:
    await client.put(f"{ITEMS}/a", json=FULL)
    others = "/v1/tenants/other/items/a"
    assert (await client.get(others)).status_code == 404
    assert (await client.delete(others)).status_code == 404
    assert (await client.put(others, json={})).status_code == 201
    assert (await client.get(f"{ITEMS}/a")).json()["title"] == "Alien"


@pytest.mark.parametrize(
    "body", [{"title": 5}, {"colour": "red"}, {"attributes": {"a": {}}}, {"location": {}}, []]
)
async def test_what_is_no_item_is_not_stored(client, body) -> None:
    for method in ("PUT", "PATCH"):
        answer = await client.request(method, f"{ITEMS}/a", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
