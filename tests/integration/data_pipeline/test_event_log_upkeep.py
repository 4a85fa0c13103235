"""The running service merges and drops chunks, and nobody who asks it notices."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import httpx2
import pytest
from tests.in_process import running

from data_pipeline.bootstrap import build_app
from data_pipeline.settings import Settings

pytestmark = pytest.mark.anyio

TOKEN = "a-token-for-the-tests"
NOW_MS = 1_750_000_000_000
DAY_MS = 86_400_000


@asynccontextmanager
async def served(settings: Settings, days: int) -> AsyncGenerator[httpx2.AsyncClient]:
    """The service, so many days later."""
    app = build_app(settings, now_ms=lambda: NOW_MS + days * DAY_MS)
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with (
        running(app) as transport,
        httpx2.AsyncClient(transport=transport, base_url="http://it", headers=headers) as client,
    ):
        yield client


async def send(client: httpx2.AsyncClient, event_id: str) -> dict[str, int]:
    event = {"event_id": event_id, "user_id": "u", "item_id": event_id, "event_type": "view"}
    events = [{**event, "timestamp": 1_700_000_000}]
    answer = await client.post("/v1/tenants/acme/events", json={"events": events})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def processed(client: httpx2.AsyncClient, job: str) -> int:
    """How many events a job has worked on, once it has worked on some."""
    name = f'etl_records_processed_total{{job_name="{job}",source="events"}} '
    with anyio.fail_after(20):
        while True:
            lines = (await client.get("/metrics")).text.splitlines()
            found = [float(line.removeprefix(name)) for line in lines if line.startswith(name)]
            if any(found):
                return int(found[0])
            await anyio.sleep(0.02)


async def listed(client: httpx2.AsyncClient) -> list[str]:
    answer = await client.get("/v1/tenants/acme/events")
    assert answer.status_code == 200, answer.text
    return [event["event_id"] for event in answer.json()["data"]]


async def test_the_chunks_of_a_day_that_is_over_become_one(tmp_path) -> None:
    settings = Settings(data_dir=tmp_path, service_token=TOKEN)
    async with served(settings, days=0) as client:
        for event_id in ("a", "b", "c"):
            await send(client, event_id)
        before = await listed(client)
    async with served(settings, days=1) as client:
        assert await processed(client, "compaction") == 3
        assert await listed(client) == before == ["c", "b", "a"]
        assert (await send(client, "b"))["duplicates"] == 1
        assert (await send(client, "d"))["accepted"] == 1
        assert await listed(client) == ["d", "c", "b", "a"]


async def test_events_go_after_their_days_and_the_books_still_agree(tmp_path) -> None:
    settings = Settings(
        data_dir=tmp_path, service_token=TOKEN, deduplication_days=5, event_retention_days=5
    )
    async with served(settings, days=0) as client:
        await send(client, "a")
    async with served(settings, days=5) as client:
        await send(client, "b")
        assert await listed(client) == ["b", "a"]
    async with served(settings, days=8) as client:
        assert await processed(client, "retention") == 1
        assert await listed(client) == ["b"]
        assert (await send(client, "a"))["accepted"] == 1
        assert (await send(client, "b"))["duplicates"] == 1
        answer = await client.get("/health/ready")
        assert answer.status_code == 200, answer.text
