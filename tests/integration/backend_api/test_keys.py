"""Keys over the API: scopes, expiry, last use, rotation, revocation."""

from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from tests.integration.backend_api.conftest import OPERATOR, Api, StartApi

from backend_api.domain.keys import new_api_key

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)


class Time:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


async def create(api: Api, **new: Any) -> dict[str, Any]:
    response = await api.send("POST", "/keys", new)
    assert response.status_code == 201
    created = response.json()
    api.keys[created["key_id"]] = created["key"]
    return created


def refused(response: Any, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_a_new_key_works_and_is_listed_without_its_secret(api: Api) -> None:
    created = await create(api, name="shop", scopes=["read"])
    assert (await api.send("GET", "/tenant", by=created["key_id"])).status_code == 200
    listed = await api.send("GET", "/keys")
    names = [key["name"] for key in listed.json()["data"]]
    assert names == [None, "shop"]
    assert created["key"] not in listed.text
    assert "key_hash" not in listed.text
    one = (await api.send("GET", f"/keys/{created['key_id']}")).json()
    assert one == {
        **{k: v for k, v in created.items() if k != "key"},
        "last_used_at": one["last_used_at"],
    }


@pytest.mark.parametrize(
    ("scopes", "method", "path", "status"),
    [
        (["read"], "GET", "/tenant", 200),
        (["write", "admin"], "GET", "/tenant", 403),
        (["admin"], "GET", "/keys", 200),
        (["read", "write"], "GET", "/keys", 403),
        (["read", "write"], "DELETE", "/keys/x", 403),
        (["read"], "POST", "/events", 403),
        (["write"], "POST", "/recommendations", 403),
    ],
)
async def test_a_key_does_what_its_scopes_say(
    api: Api, scopes: list[str], method: str, path: str, status: int
) -> None:
    key = await create(api, scopes=scopes)
    response = await api.send(method, path, by=key["key_id"])
    assert response.status_code == status
    if status == 403:
        assert response.json()["code"] == "insufficient_scope"


async def test_a_key_ends_when_it_expires(start: StartApi) -> None:
    time = Time()
    async with start(clock=time) as api:
        ends = NOW + timedelta(hours=1)
        key = await create(api, scopes=["read"], expires_at=ends.isoformat())
        assert (await api.send("GET", "/tenant", by=key["key_id"])).status_code == 200
        time.now = ends
        refused(await api.send("GET", "/tenant", by=key["key_id"]), 401, "invalid_api_key")
        refused(await api.send("POST", f"/keys/{key['key_id']}/rotate", {}), 409, "key_not_active")


async def test_a_key_cannot_end_before_it_begins(api: Api) -> None:
    new = {"expires_at": "2020-01-01T00:00:00Z"}
    refused(await api.send("POST", "/keys", new), 422, "invalid_key_expiry")


async def test_a_rotated_key_works_on_for_the_overlap(start: StartApi) -> None:
    time = Time()
    async with start(clock=time) as api:
        old = await create(api, name="shop", scopes=["read"])
        rotated = await api.send("POST", f"/keys/{old['key_id']}/rotate", {"overlap_seconds": 600})
        assert rotated.status_code == 201
        new = rotated.json()
        assert (new["name"], new["scopes"]) == ("shop", ["read"])
        api.keys["new"] = new["key"]
        for by in (old["key_id"], "new"):
            assert (await api.send("GET", "/tenant", by=by)).status_code == 200
        time.now += timedelta(seconds=600)
        refused(await api.send("GET", "/tenant", by=old["key_id"]), 401, "invalid_api_key")
        assert (await api.send("GET", "/tenant", by="new")).status_code == 200


async def test_an_overlap_lengthens_no_life(start: StartApi) -> None:
    time = Time()
    async with start(clock=time) as api:
        ends = NOW + timedelta(minutes=1)
        old = await create(api, scopes=["read"], expires_at=ends.isoformat())
        await api.send("POST", f"/keys/{old['key_id']}/rotate", {"overlap_seconds": 3600})
        time.now = ends
        refused(await api.send("GET", "/tenant", by=old["key_id"]), 401, "invalid_api_key")


async def test_a_revoked_key_is_refused_here_at_once(start: StartApi) -> None:
    async with start(api_key_cache_seconds=60) as api:
        key = await create(api, scopes=["read"])
        assert (await api.send("GET", "/tenant", by=key["key_id"])).status_code == 200
        for _ in range(2):
            assert (await api.send("DELETE", f"/keys/{key['key_id']}")).status_code == 204
        refused(await api.send("GET", "/tenant", by=key["key_id"]), 401, "invalid_api_key")
        stored = (await api.send("GET", f"/keys/{key['key_id']}")).json()
        assert stored["revoked_at"] is not None


@pytest.mark.parametrize(
    ("method", "action", "body"),
    [("GET", "", None), ("DELETE", "", None), ("POST", "/rotate", {"overlap_seconds": 0})],
)
async def test_another_tenants_key_is_as_one_that_nobody_has(
    api: Api, method: str, action: str, body: Any
) -> None:
    theirs = api.keys["globex"].split("_")[1]
    unknown = new_api_key().split("_")[1]
    answers = [await api.send(method, f"/keys/{key}{action}", body) for key in (theirs, unknown)]
    for answer in answers:
        refused(answer, 404, "key_not_found")
    first, second = (answer.json()["detail"] for answer in answers)
    assert first.replace(theirs, unknown) == second
    assert (await api.send("GET", "/tenant", by="globex")).status_code == 200


async def test_the_last_use_of_a_key_is_shown(start: StartApi) -> None:
    async with start(usage_flush_seconds=0.02) as api:
        key = await create(api, scopes=["read"])
        before = datetime.now(UTC)
        await api.send("GET", "/tenant", by=key["key_id"])
        with anyio.fail_after(30):
            while True:
                shown = (await api.send("GET", f"/keys/{key['key_id']}")).json()["last_used_at"]
                if shown is not None:
                    break
        assert timedelta(0) <= datetime.fromisoformat(shown) - before + timedelta(seconds=1)
        assert datetime.fromisoformat(shown) <= datetime.now(UTC)


async def test_keys_are_listed_in_pages(api: Api) -> None:
    for number in range(4):
        await create(api, name=str(number))
    names, cursor = list[str | None](), ""
    while True:
        page = (await api.send("GET", f"/keys?limit=2{cursor}")).json()
        names += [key["name"] for key in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(names, key=str) == ["0", "1", "2", "3", None]
    refused(await api.send("GET", "/keys?cursor=nonsense"), 422, "invalid_cursor")


async def test_an_operators_key_is_no_tenants(api: Api) -> None:
    refused(await api.send("GET", "/tenant", by=OPERATOR), 403, "tenant_key_required")
    refused(await api.send("POST", "/recommendations", {}, by=OPERATOR), 403, "tenant_key_required")


@pytest.mark.parametrize(
    "path", ["/admin/tenants", "/admin/plans", "/admin/usage", "/admin/audit-log"]
)
async def test_for_tenants_there_is_no_admin(api: Api, path: str) -> None:
    hidden = await api.send("GET", path)
    unknown = await api.send("GET", "/nothing-here")
    assert hidden.status_code == unknown.status_code == 404
    different = {"trace_id"}
    assert {k: v for k, v in hidden.json().items() if k not in different} == {
        k: v for k, v in unknown.json().items() if k not in different
    }


async def test_the_operators_first_key_comes_from_the_environment(start: StartApi) -> None:
    key = new_api_key()
    for _ in range(2):
        async with start(admin_api_key=key) as api:
            api.keys["first"] = key
            assert (await api.send("GET", "/admin/tenants", by="first")).status_code == 200
    files = [path for path in api.settings.data_dir.rglob("*") if path.is_file()]
    assert not [path for path in files if key.rpartition("_")[2].encode() in path.read_bytes()]


async def test_a_new_key_in_the_environment_ends_the_one_before(start: StartApi) -> None:
    first, second = new_api_key(), new_api_key()
    for key, statuses in ((first, (200, 401)), (second, (401, 200)), (first, (401, 200))):
        async with start(admin_api_key=key) as api:
            api.keys |= {"first": first, "second": second}
            asked = [await api.send("GET", "/admin/tenants", by=name) for name in api.keys]
            answered = dict(zip(api.keys, [one.status_code for one in asked], strict=True))
            assert (answered["first"], answered["second"]) == statuses
            if key is second:
                log = (await api.send("GET", "/admin/audit-log", by="second")).json()["data"]
                assert log[0]["action"] == "key.revoke"
                assert log[0]["actor"] == "environment"
