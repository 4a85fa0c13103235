"""Events through the public API."""

import json
from typing import Any

import pytest
from tests.integration.backend_api.conftest import Api

pytestmark = pytest.mark.anyio
PATH = "/api/v1/events"


def event(event_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "user_id": "42",
        "item_id": "a",
        "event_type": "view",
        "timestamp": "2026-01-31T12:00:00Z",
        **changes,
    }


async def test_events_are_accepted(api: Api) -> None:
    response = await api.post(PATH, {"events": [event("1"), event("2")]})
    assert response.status_code == 202
    assert response.json() == {"accepted": 2, "duplicates": 0, "rejected": []}
    assert set(api.data_pipeline.stored) == {("acme", "1"), ("acme", "2")}


async def test_sending_again_is_accepted_and_stores_nothing(api: Api) -> None:
    await api.post(PATH, {"events": [event("1")]})
    again = await api.post(PATH, {"events": [event("1")]})
    assert again.status_code == 202
    assert again.json() == {"accepted": 0, "duplicates": 1, "rejected": []}


async def test_a_bad_event_is_named_and_spoils_no_other(api: Api) -> None:
    batch = {"events": [event("1"), event("2", event_type="Sneeze!"), event("3")]}
    response = await api.post(PATH, batch)
    assert response.status_code == 202
    answer = response.json()
    assert answer["accepted"] == 2
    assert [rejected["index"] for rejected in answer["rejected"]] == [1]
    assert "pattern" in answer["rejected"][0]["reason"]


async def test_a_batch_of_bad_events_alone_is_refused(api: Api) -> None:
    response = await api.post(PATH, {"events": [event("1", item_id="a\0b"), 7]})
    assert response.status_code == 422
    answer = response.json()
    assert answer["code"] == "no_valid_records"
    assert [error["index"] for error in answer["errors"]] == [0, 1]
    assert all(error["code"] and error["reason"] for error in answer["errors"])
    assert not api.data_pipeline.stored


async def test_the_batch_goes_on_byte_by_byte(api: Api) -> None:
    body = json.dumps({"events": [event("1", value=1e5)]}, indent=7).encode()
    headers = {**api.key_of("acme"), "content-type": "application/json"}
    response = await api.client.post(PATH, content=body, headers=headers)
    assert response.status_code == 202
    assert api.data_pipeline.seen[0].body == body


async def test_the_same_event_id_of_two_tenants_is_two_events(api: Api) -> None:
    for tenant_id in ("acme", "globex"):
        response = await api.post(PATH, {"events": [event("1")]}, headers=api.key_of(tenant_id))
        assert response.json()["accepted"] == 1
    assert set(api.data_pipeline.stored) == {("acme", "1"), ("globex", "1")}
