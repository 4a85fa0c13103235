"""Whatever is sent, the answer is one of ours, and never the server's own failure."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.backend_api.conftest import Api

pytestmark = pytest.mark.anyio
SETTINGS = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
fields = st.sampled_from(["user_id", "history", "item_id", "num_items", "exclude", "events", "x"])


async def answer(api: Api, path: str, **options: Any) -> None:
    headers = {**api.key_of("acme"), "content-type": "application/json"}
    response = await api.client.post(path, headers=headers, **options)
    assert response.status_code in (200, 202, 400, 404, 422)
    if response.status_code >= 400:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["code"]


@pytest.mark.parametrize("path", ["/api/v1/recommendations", "/api/v1/events"])
@SETTINGS
@given(body=st.binary(max_size=200))
async def test_any_bytes(api: Api, path: str, body: bytes) -> None:
    await answer(api, path, content=body)


@pytest.mark.parametrize("path", ["/api/v1/recommendations", "/api/v1/events"])
@SETTINGS
@given(body=st.dictionaries(fields, values, max_size=4))
async def test_any_json(api: Api, path: str, body: dict[str, Any]) -> None:
    import json  # noqa: PLC0415 - httpx2's own encoder refuses NaN, which is sent on purpose

    await answer(api, path, content=json.dumps(body).encode())


@SETTINGS
@given(
    item_id=st.text(st.characters(codec="utf-8"), max_size=40),
    num_items=st.integers(-5, 2_000) | st.text(st.characters(codec="utf-8"), max_size=5),
)
async def test_any_item_id(api: Api, item_id: str, num_items: int | str) -> None:
    from urllib.parse import quote  # noqa: PLC0415

    response = await api.get(
        f"/api/v1/items/{quote(item_id, safe='')}/similar", params={"num_items": num_items}
    )
    assert response.status_code in (200, 404, 422)


@SETTINGS
@given(key=st.binary(max_size=80))
async def test_any_key(api: Api, key: bytes) -> None:
    for name in (b"x-api-key", b"authorization"):
        value = key if name == b"x-api-key" else b"Bearer " + key
        response = await api.client.post(
            "/api/v1/recommendations", json={"user_id": "42"}, headers=[(name, value)]
        )
        assert response.status_code == 401
