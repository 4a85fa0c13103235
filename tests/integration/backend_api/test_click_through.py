"""Clicks on what was recommended, as a scrape shows them."""

import anyio
import pytest
from tests.integration.backend_api.conftest import Api, StartApi

import backend_api.http.reports

pytestmark = pytest.mark.anyio


async def test_clicks_on_answers_become_a_rate_by_tenant_and_version(
    start: StartApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend_api.http.reports, "CLICK_THROUGH_SECONDS", 0.02)
    async with start() as api:
        await click(api)


async def click(api: Api) -> None:
    ids = []
    for _ in range(4):
        answer = await api.post("/api/v1/recommendations", {"user_id": "42"})
        ids.append(answer.json()["recommendation_id"])
    event = {
        "event_id": "1",
        "user_id": "42",
        "item_id": "a",
        "event_type": "click",
        "timestamp": 1_769_860_800,
        "recommendation_id": ids[0],
    }
    await api.post("/api/v1/events", {"events": [event]})
    # The clicks of another tenant on this one's answer count for nobody.
    stolen = {"events": [{**event, "recommendation_id": ids[1]}]}
    await api.post("/api/v1/events", stolen, headers=api.key_of("globex"))
    with anyio.fail_after(20):
        while await api.metric("recommendation_ctr", tenant_id="acme", model_version="7") == 0:
            await anyio.sleep(0.02)
    assert await api.metric("recommendation_ctr", tenant_id="acme", model_version="7") == 0.25
