"""Scenarios: presets that apply where a request says nothing itself."""

from typing import Any

import pytest
from tests.integration.backend_api.conftest import Api

from contracts.recommendations import BatchQuery, RecommendationQuery

pytestmark = pytest.mark.anyio
OPTIONS = {"num_items": 4, "diversity": 0.5, "filters": {"categories": ["Drama"]}}


async def put(api: Api, name: str, options: dict[str, Any], by: str = "acme") -> int:
    return (await api.send("PUT", f"/scenarios/{name}", {"options": options}, by)).status_code


async def asked(api: Api, request: dict[str, Any]) -> RecommendationQuery:
    response = await api.send("POST", "/recommendations", request)
    assert response.status_code == 200, response.text
    return RecommendationQuery.model_validate_json(api.ml_engine.bodies("/recommendations")[-1])


async def test_a_scenario_is_kept_and_shown_as_it_was_put(api: Api) -> None:
    assert await put(api, "home", OPTIONS) == 201
    assert await put(api, "home", {"num_items": 3}) == 200
    shown = await api.send("GET", "/scenarios/home")
    assert shown.json() == {"name": "home", "options": {"num_items": 3}}


async def test_its_options_apply_where_the_request_sets_none(api: Api) -> None:
    await put(api, "home", OPTIONS)
    query = await asked(api, {"user_id": "u", "scenario": "home"})
    assert query == RecommendationQuery(user_id="u", **OPTIONS)


async def test_what_the_request_sets_goes_before_it_even_where_it_is_the_default(api: Api) -> None:
    await put(api, "home", OPTIONS)
    query = await asked(
        api, {"user_id": "u", "scenario": "home", "num_items": 10, "filters": {}, "explain": True}
    )
    assert query == RecommendationQuery(user_id="u", num_items=10, diversity=0.5, explain=True)


async def test_a_scenario_serves_gets_similar_items_and_batches(api: Api) -> None:
    await put(api, "home", OPTIONS)
    by_get = await api.send("GET", "/users/u/recommendations?scenario=home")
    similar = await api.send("GET", "/items/a/similar?scenario=home&num_items=2")
    batch = await api.send(
        "POST", "/recommendations/batch", {"user_ids": ["u"], "scenario": "home"}
    )
    counts = [len(one.json()["items"]) for one in (by_get, similar)]
    assert counts == [4, 2]
    assert len(batch.json()["answers"][0]["items"]) == 4
    sent = BatchQuery.model_validate_json(api.ml_engine.bodies("/batch")[-1])
    assert sent == BatchQuery(user_ids=["u"], **OPTIONS)


async def test_the_record_says_which_scenario_was_asked_for(api: Api) -> None:
    await put(api, "home", OPTIONS)
    request = {"user_id": "u", "scenario": "home"}
    answer = (await api.send("POST", "/recommendations", request)).json()
    record = await api.send("GET", f"/recommendations/{answer['recommendation_id']}")
    assert record.json()["request"] == request


async def test_a_change_applies_at_once(api: Api) -> None:
    await put(api, "home", {"num_items": 4})
    assert (await asked(api, {"user_id": "u", "scenario": "home"})).num_items == 4
    await put(api, "home", {"num_items": 5})
    assert (await asked(api, {"user_id": "u", "scenario": "home"})).num_items == 5


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/scenarios/none", None),
        ("DELETE", "/scenarios/none", None),
        ("POST", "/recommendations", {"user_id": "u", "scenario": "none"}),
        ("GET", "/users/u/recommendations?scenario=none", None),
        ("POST", "/recommendations/batch", {"user_ids": ["u"], "scenario": "none"}),
    ],
)
async def test_an_unknown_scenario_is_not_found(
    api: Api, method: str, path: str, body: dict[str, Any] | None
) -> None:
    await put(api, "none", {}, by="globex")
    response = await api.send(method, path, body)
    assert (response.status_code, response.json()["code"]) == (404, "scenario_not_found")


async def test_a_deleted_scenario_is_gone(api: Api) -> None:
    await put(api, "home", OPTIONS)
    assert (await api.send("DELETE", "/scenarios/home")).status_code == 204
    assert (await api.send("DELETE", "/scenarios/home")).status_code == 404
    request = {"user_id": "u", "scenario": "home"}
    assert (await api.send("POST", "/recommendations", request)).status_code == 404


async def test_scenarios_are_listed_by_name_page_by_page(api: Api) -> None:
    for name in ("home", "cart", "product-page"):
        await put(api, name, {"num_items": 3})
    await put(api, "foreign", {}, by="globex")
    names: list[str] = []
    cursor = ""
    while True:
        page = (await api.send("GET", f"/scenarios?limit=2{cursor}")).json()
        names += [row["name"] for row in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert names == ["cart", "home", "product-page"]


@pytest.mark.parametrize("cursor", ["x", "AAAA", "WzFd", "ä", ""])
async def test_a_made_up_cursor_is_refused(api: Api, cursor: str) -> None:
    response = await api.send("GET", f"/scenarios?cursor={cursor}")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_cursor")


@pytest.mark.parametrize(
    ("name", "options"),
    [("home", {"num_items": 0}), ("home", {"user_id": "u"}), ("-home", {}), ("a%20b", {})],
)
async def test_a_bad_scenario_is_refused(api: Api, name: str, options: dict[str, Any]) -> None:
    response = await api.send("PUT", f"/scenarios/{name}", {"options": options})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_a_request_that_takes_away_what_its_scenario_needs_is_refused(api: Api) -> None:
    place = {"latitude": 52.5, "longitude": 13.4}
    near = {"filters": {"near": {"radius_km": 10}}, "context": {"location": place}}
    assert await put(api, "near", near) == 201
    assert (await asked(api, {"user_id": "u", "scenario": "near"})).context is not None
    request = {"user_id": "u", "scenario": "near", "context": {"region": "EU"}}
    response = await api.send("POST", "/recommendations", request)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert "near needs" in response.json()["detail"]
