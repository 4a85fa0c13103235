"""A batch is answered when its events are in the features, whatever else goes on."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import httpx2
import pytest

from backends.embedded.feature_reader import SqliteFeatureReader
from backends.embedded.feature_writer import SqliteFeatureWriter
from data_pipeline.settings import Settings

pytestmark = pytest.mark.anyio

TENANT = "/v1/tenants/acme"
SENDERS = 4
BATCHES = 6


@pytest.fixture
async def reader(settings: Settings) -> AsyncGenerator[SqliteFeatureReader]:
    """Reads the features as ml-engine does, on a connection of its own."""
    reader = SqliteFeatureReader(settings.features())
    yield reader
    await reader.close()


async def send(client: httpx2.AsyncClient, *events: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(f"{TENANT}/events", json={"events": events})
    return answer.raise_for_status().json()


async def seen(reader: SqliteFeatureReader, user_id: str) -> int:
    return len((await reader.user("acme", user_id)).events)


class HeldFeatures:
    """Features that are written when they are `released`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.released = asyncio.Event(), asyncio.Event()
        apply = SqliteFeatureWriter.apply

        async def held(writer: SqliteFeatureWriter, update: Any) -> None:
            self.reached.set()
            await self.released.wait()
            await apply(writer, update)

        monkeypatch.setattr(SqliteFeatureWriter, "apply", held)


async def test_a_batch_has_no_answer_before_its_events_are_in_the_features(
    client, event, reader, monkeypatch
) -> None:
    features = HeldFeatures(monkeypatch)
    sending = asyncio.create_task(send(client, event("e1")))
    async with asyncio.timeout(10):
        await features.reached.wait()
    again = asyncio.create_task(send(client, event("e1")))
    # That it is stored shows that it waits for nothing but the features.
    while (await client.get(f"{TENANT}/events/e1")).status_code != 200:
        await asyncio.sleep(0)
    done, _ = await asyncio.wait([sending, again], timeout=0.3)
    assert not done
    assert await seen(reader, "u1") == 0
    features.released.set()
    assert (await sending)["accepted"] == 1
    assert (await again)["duplicates"] == 1
    assert await seen(reader, "u1") == 1


async def test_each_of_many_senders_finds_its_events_once_they_are_answered(
    client, event, reader
) -> None:
    missing: list[str] = []

    async def sender(number: int) -> None:
        for batch in range(BATCHES):
            user_id = f"u{number}-{batch}"
            # Both few and many at once, which are grouped in different ways.
            count = 1 if batch % 2 else 150
            events = [event(f"{user_id}-{n}", user_id=user_id) for n in range(count)]
            others = [event(f"{user_id}+{n}", user_id="shared") for n in range(count)]
            assert (await send(client, *events, *others))["accepted"] == 2 * count
            if await seen(reader, user_id) != count:
                missing.append(user_id)

    await asyncio.gather(*(sender(number) for number in range(SENDERS)))
    assert not missing
