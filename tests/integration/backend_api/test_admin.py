"""The operator's API: tenants, plans, and the audit log of what was done."""

from typing import Any

import pytest
from tests.integration.backend_api.conftest import OPERATOR, Api, StartApi

pytestmark = pytest.mark.anyio
PLAN = {
    "limits": {"serving": {"per_second": 5, "burst": 10}},
    "monthly_requests": 1000,
    "price_per_1000_requests": "1.25",
    "currency": "USD",
}


async def admin(api: Api, method: str, path: str, body: Any = None) -> Any:
    return await api.send(method, f"/admin{path}", body, by=OPERATOR)


async def test_a_tenant_is_created_with_a_key_that_works(api: Api) -> None:
    created = await admin(api, "POST", "/tenants", {"tenant_id": "initech"})
    assert created.status_code == 201
    expected = {
        "tenant_id": "initech",
        "name": "initech",
        "plan_id": "standard",
        "status": "active",
    }
    assert created.json() | expected == created.json()
    key = await admin(api, "POST", "/tenants/initech/keys", {"scopes": ["read", "admin"]})
    assert key.status_code == 201
    api.keys["initech"] = key.json()["key"]
    account = (await api.send("GET", "/tenant", by="initech")).json()
    assert account["tenant_id"] == "initech"
    assert account["plan"]["plan_id"] == "standard"
    assert set(account["plan"]["limits"]) == {"serving", "ingestion", "management"}
    listed = (await admin(api, "GET", "/tenants/initech/keys")).json()["data"]
    assert [one["key_id"] for one in listed] == [key.json()["key_id"]]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/tenants", {"tenant_id": "acme"}, 409, "tenant_exists"),
        ("POST", "/tenants", {"tenant_id": "Acme Ltd"}, 422, "invalid_request"),
        ("POST", "/tenants", {"tenant_id": "new", "plan_id": "none"}, 404, "plan_not_found"),
        ("GET", "/tenants/nobody", None, 404, "tenant_not_found"),
        ("PATCH", "/tenants/nobody", {"name": "x"}, 404, "tenant_not_found"),
        ("PATCH", "/tenants/acme", {"plan_id": "none"}, 404, "plan_not_found"),
        ("GET", "/tenants/nobody/keys", None, 404, "tenant_not_found"),
        ("POST", "/tenants/nobody/keys", {}, 404, "tenant_not_found"),
        ("GET", "/plans/none", None, 404, "plan_not_found"),
        ("DELETE", "/plans/none", None, 404, "plan_not_found"),
        ("DELETE", "/plans/standard", None, 409, "plan_in_use"),
        ("PUT", "/plans/bad", {**PLAN, "price_per_1000_requests": "-1"}, 422, "invalid_request"),
        ("GET", "/usage?from=2026-02-01&to=2026-01-01", None, 422, "invalid_request"),
        ("GET", "/audit-log?cursor=bm9uZQ==", None, 422, "invalid_cursor"),
    ],
)
async def test_what_cannot_be_done_says_why(
    api: Api, method: str, path: str, body: Any, status: int, code: str
) -> None:
    before = (await admin(api, "GET", "/audit-log")).json()["data"]
    response = await admin(api, method, path, body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert (await admin(api, "GET", "/audit-log")).json()["data"] == before


async def test_a_suspended_tenant_is_refused_at_once_and_resumed_at_once(start: StartApi) -> None:
    async with start(api_key_cache_seconds=60) as api:
        assert (await api.send("GET", "/tenant")).status_code == 200
        changed = await admin(api, "PATCH", "/tenants/acme", {"status": "suspended"})
        assert changed.json()["status"] == "suspended"
        response = await api.send("GET", "/tenant")
        assert (response.status_code, response.json()["code"]) == (403, "tenant_suspended")
        assert (await api.send("GET", "/tenant", by="globex")).status_code == 200
        await admin(api, "PATCH", "/tenants/acme", {"status": "active"})
        assert (await api.send("GET", "/tenant")).status_code == 200


async def test_plans_are_set_listed_and_deleted(api: Api) -> None:
    assert (await admin(api, "PUT", "/plans/small", PLAN)).status_code == 201
    changed = await admin(api, "PUT", "/plans/small", {**PLAN, "monthly_requests": None})
    assert changed.status_code == 200
    plans = (await admin(api, "GET", "/plans")).json()["data"]
    assert [plan["plan_id"] for plan in plans] == ["enterprise", "free", "small", "standard"]
    first = (await admin(api, "GET", "/plans?limit=3")).json()
    rest = (await admin(api, "GET", f"/plans?limit=3&cursor={first['next_cursor']}")).json()
    assert first["data"] + rest["data"] == plans
    assert rest["next_cursor"] is None
    stored = (await admin(api, "GET", "/plans/small")).json()
    assert stored == changed.json()
    assert float(stored["price_per_1000_requests"]) == 1.25
    await admin(api, "PATCH", "/tenants/acme", {"plan_id": "small"})
    assert (await admin(api, "DELETE", "/plans/small")).json()["code"] == "plan_in_use"
    await admin(api, "PATCH", "/tenants/acme", {"plan_id": "free"})
    assert (await admin(api, "DELETE", "/plans/small")).status_code == 204


async def test_every_act_is_in_the_audit_log_with_who_did_it(api: Api) -> None:
    await admin(api, "PATCH", "/tenants/acme", {"name": "Acme"})
    key = (await api.send("POST", "/keys", {"name": "shop"})).json()
    rotated = (await api.send("POST", f"/keys/{key['key_id']}/rotate", {})).json()
    await api.send("DELETE", f"/keys/{rotated['key_id']}")
    await admin(api, "PUT", "/plans/small", PLAN)
    log = (await admin(api, "GET", "/audit-log?limit=5")).json()["data"]
    operator, acme = (api.keys[name].split("_")[1] for name in (OPERATOR, "acme"))
    assert [(one["actor"], one["action"], one["target"]) for one in log] == [
        (operator, "plan.set", "small"),
        (acme, "key.revoke", rotated["key_id"]),
        (acme, "key.rotate", key["key_id"]),
        (acme, "key.create", key["key_id"]),
        (operator, "tenant.change", "acme"),
    ]
    for secret in (key["key"], rotated["key"]):
        assert secret.rpartition("_")[2] not in str(log)


async def test_a_tenant_sees_its_own_entries_in_pages(api: Api) -> None:
    for name in ("one", "two", "three"):
        await api.send("POST", "/keys", {"name": name})
    await api.send("POST", "/keys", {"name": "theirs"}, by="globex")
    names, cursor = list[Any](), ""
    while True:
        page = (await api.send("GET", f"/audit-log?limit=2{cursor}")).json()
        assert {entry["tenant_id"] for entry in page["data"]} == {"acme"}
        names += [entry["details"].get("name") for entry in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert set(names[:3]) == {"one", "two", "three"}
    assert "theirs" not in names


async def test_tenants_are_listed_in_pages(api: Api) -> None:
    first = (await admin(api, "GET", "/tenants?limit=1")).json()
    assert [one["tenant_id"] for one in first["data"]] == ["acme"]
    second = (await admin(api, "GET", f"/tenants?limit=1&cursor={first['next_cursor']}")).json()
    assert [one["tenant_id"] for one in second["data"]] == ["globex"]
    assert second["next_cursor"] is None
