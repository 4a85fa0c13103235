"""Keys over HTTP: who gets in, as whom, and at what cost."""

from collections.abc import Callable

import httpx2
import pytest
from tests.integration.backend_api.conftest import Api, StartApi

from backend_api.bootstrap import build_administration
from backend_api.domain.audit import CLI
from backend_api.domain.keys import new_api_key

pytestmark = pytest.mark.anyio
PATH = "/api/v1/recommendations"
QUERY = {"user_id": "42"}


async def ask(api: Api, headers: dict[str, str]) -> httpx2.Response:
    return await api.post(PATH, QUERY, headers=headers)


@pytest.mark.parametrize(
    "headers",
    [
        lambda key: {"authorization": f"Bearer {key}"},
        lambda key: {"authorization": f"bearer {key}"},
        lambda key: {"x-api-key": key},
    ],
)
async def test_a_key_comes_in_either_header(
    api: Api, headers: Callable[[str], dict[str, str]]
) -> None:
    assert (await ask(api, headers(api.keys["acme"]))).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic YTpi"}, {"x-api-key": ""}])
async def test_no_key_is_told_how_to_give_one(api: Api, headers: dict[str, str]) -> None:
    response = await ask(api, headers)
    assert response.status_code == 401
    assert response.json()["code"] == "missing_api_key"
    assert "X-API-Key" in response.json()["detail"]
    assert response.headers["www-authenticate"] == "Bearer"
    assert not api.ml_engine.seen


@pytest.mark.parametrize(
    "key", ["password", "rk_", "rk_\u00fc", f"rk_{'a' * 12}_{'b' * 43}", "x" * 10_000]
)
async def test_a_wrong_key_is_refused(api: Api, key: str) -> None:
    response = await ask(api, {"x-api-key": key.encode("latin-1")})  # pyright: ignore
    assert response.status_code == 401
    assert response.json()["code"] == "invalid_api_key"
    assert response.headers["www-authenticate"] == "Bearer"
    assert not api.ml_engine.seen


async def test_the_service_token_is_no_key(api: Api) -> None:
    token = api.settings.token()
    assert (await ask(api, {"authorization": f"Bearer {token}"})).status_code == 401


async def test_the_key_is_asked_for_before_the_body_is_read(api: Api) -> None:
    response = await api.client.post(PATH, content=b"{broken")
    assert response.status_code == 401


@pytest.mark.parametrize("tenant_id", ["acme", "globex"])
async def test_a_key_reaches_its_own_tenant_only(api: Api, tenant_id: str) -> None:
    for _ in range(2):
        response = await ask(api, api.key_of(tenant_id))
        assert response.json()["items"][0]["item_id"] == f"{tenant_id}/item-1"
    await api.get("/api/v1/items/globex/similar", headers=api.key_of(tenant_id))
    await api.post("/api/v1/events", {"events": [1]}, headers=api.key_of(tenant_id))
    seen = [*api.ml_engine.seen, *api.data_pipeline.seen]
    assert len(seen) == 4
    assert all(one.path.startswith(f"/v1/tenants/{tenant_id}/") for one in seen)


async def test_a_key_never_leaves_for_the_internal_services(api: Api) -> None:
    await ask(api, api.key_of("acme"))
    assert api.keys["acme"] not in str(api.ml_engine.seen)


async def test_a_known_key_costs_no_query(api: Api) -> None:
    for _ in range(4):
        await ask(api, api.key_of("acme"))
    looked_up = {"query_type": "select", "table": "api_keys"}
    assert await api.metric("db_query_duration_seconds_count", **looked_up) == 1
    assert await api.metric("cache_hits_total", cache_type="api_key") == 3
    assert await api.metric("cache_misses_total", cache_type="api_key") == 1


async def test_an_unknown_key_costs_one_query(api: Api) -> None:
    key = new_api_key()
    for _ in range(3):
        await ask(api, {"x-api-key": key})
    assert await api.metric("db_query_duration_seconds_count", table="api_keys") == 1


async def test_a_revoked_key_is_refused_once_it_is_out_of_the_cache(start: StartApi) -> None:
    async with start(api_key_cache_seconds=0) as api:
        assert (await ask(api, api.key_of("acme"))).status_code == 200
        async with build_administration(api.settings) as administration:
            await administration.keys.revoke("acme", api.keys["acme"].split("_")[1], CLI)
        response = await ask(api, api.key_of("acme"))
        assert response.json()["code"] == "invalid_api_key"
        assert (await ask(api, api.key_of("globex"))).status_code == 200


async def test_the_database_holds_no_key(api: Api) -> None:
    await ask(api, api.key_of("acme"))
    secret = api.keys["acme"].rpartition("_")[2].encode()
    files = [path for path in api.settings.data_dir.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if secret in path.read_bytes()]
