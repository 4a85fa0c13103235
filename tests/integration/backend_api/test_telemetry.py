"""Each request in metrics, logs and traces."""

import pytest
from tests.integration.backend_api.conftest import Api

from instrumentation.context import hash_user

pytestmark = pytest.mark.anyio
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
RECOMMENDATIONS = "/api/v1/recommendations"
EVENT = {
    "event_id": "1",
    "user_id": "secret-user",
    "item_id": "a",
    "event_type": "view",
    "timestamp": 1_769_860_800,
}


async def test_the_callers_trace_goes_on_to_the_internal_services(api: Api) -> None:
    headers = {**api.key_of("acme"), "traceparent": TRACEPARENT}
    first = await api.post(RECOMMENDATIONS, {"user_id": "42"}, headers=headers)
    second = await api.post("/api/v1/events", {"events": [EVENT]}, headers=headers)
    for response, service in ((first, api.ml_engine), (second, api.data_pipeline)):
        assert response.headers["x-trace-id"] == TRACE_ID
        passed_on = service.seen[0].headers["traceparent"]
        assert passed_on.split("-")[1] == TRACE_ID
        assert passed_on != TRACEPARENT


async def test_a_failed_request_keeps_the_trace_too(api: Api) -> None:
    response = await api.post(RECOMMENDATIONS, {}, headers={"traceparent": TRACEPARENT})
    assert response.status_code == 401
    assert response.json()["trace_id"] == TRACE_ID


async def test_a_recommendation_is_one_business_line(api: Api) -> None:
    headers = {**api.key_of("acme"), "traceparent": TRACEPARENT}
    response = await api.post(
        RECOMMENDATIONS, {"user_id": "secret-user", "num_items": 3}, headers=headers
    )
    lines = [line for line in api.logs() if line["category"] == "business"]
    assert len(lines) == 1
    expected = {
        "message": "recommendation served",
        "level": "INFO",
        "recommendation_id": response.json()["recommendation_id"],
        "tenant_id": "acme",
        "model_version": "7",
        "algorithm": "two-tower",
        "items": 3,
        "user_hash": hash_user("secret-user"),
        "trace_id": TRACE_ID,
        "service": "backend-api",
    }
    assert lines[0].items() >= expected.items()


async def test_a_batch_of_events_is_one_business_line(api: Api) -> None:
    await api.post("/api/v1/events", {"events": [EVENT, EVENT, {}]})
    lines = [line for line in api.logs() if line["category"] == "business"]
    assert len(lines) == 1
    expected = {"tenant_id": "acme", "accepted": 1, "duplicates": 1, "rejected": 1}
    assert lines[0].items() >= expected.items()


async def test_neither_keys_nor_user_ids_are_logged(api: Api) -> None:
    key = api.keys["acme"]
    await api.post(RECOMMENDATIONS, {"user_id": "secret-user"})
    await api.post("/api/v1/events", {"events": [EVENT]})
    await api.post(RECOMMENDATIONS, {"user_id": "secret-user", "num_items": 0})
    await api.post(RECOMMENDATIONS, {}, headers={"x-api-key": f"{key}x"})
    output = api.output.getvalue()
    assert output
    assert key not in output
    assert "secret-user" not in output
    assert api.settings.token() not in output


async def test_recommended_items_are_counted(api: Api) -> None:
    for num_items in (3, 4):
        await api.post(RECOMMENDATIONS, {"user_id": "42", "num_items": num_items})
    await api.post(RECOMMENDATIONS, {"user_id": "42", "num_items": 0})
    labels = {"tenant_id": "acme", "model_version": "7", "algorithm": "two-tower"}
    assert await api.metric("recommendations_served_total", **labels) == 7
    assert await api.metric("recommendation_latency_seconds_count") == 3


async def test_requests_are_counted_by_verified_tenant(api: Api) -> None:
    await api.post(RECOMMENDATIONS, {"user_id": "42"})
    await api.post(RECOMMENDATIONS, {"user_id": "42"}, headers={})
    counted = {"endpoint": RECOMMENDATIONS}
    assert await api.metric("api_requests_total", tenant_id="acme", **counted) == 1
    assert await api.metric("api_requests_total", tenant_id="none", **counted) == 0
    assert await api.metric("http_requests_total", tenant_id="none", **counted) == 1


async def test_similar_items_count_under_their_route(api: Api) -> None:
    await api.get("/api/v1/items/a/b/similar")
    endpoint = "/api/v1/items/{item_id}/similar"
    assert await api.metric("api_requests_total", tenant_id="acme", endpoint=endpoint) == 1
