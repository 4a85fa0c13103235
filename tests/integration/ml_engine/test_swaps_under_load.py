"""Swaps and roll-backs of a real ml-engine, which is asked 200 times a second meanwhile.

The environment's SWAPS says how many (default 200).
"""

import os
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

import anyio
import pytest
from tests.integration.ml_engine.conftest import TENANT, Place, trained
from tests.integration.ml_engine.test_replicas import Replica
from tests.integration.ml_engine.written_snapshot import write_snapshot
from tests.real_processes import free_port

from backends.locations import objects_url
from contracts.ml_engine import MlEngineClient
from contracts.recommendations import RecommendationQuery, Recommendations

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(3600)]

SWAPS: Final = int(os.environ.get("SWAPS") or 200)
REQUESTS_PER_SECOND: Final = 200
IN_FLIGHT: Final = 32


class Load:
    """Asks at a steady rate, as far as the machine goes along, and checks every answer."""

    def __init__(
        self,
        client: MlEngineClient,
        query: RecommendationQuery,
        expected: dict[str | None, Recommendations],
    ) -> None:
        self.answers: Counter[str | None] = Counter()
        self._client = client
        self._query = query
        self._expected = expected
        self._room = anyio.Semaphore(IN_FLIGHT)
        self._stopped = False

    async def run(self) -> None:
        due = time.monotonic()
        async with anyio.create_task_group() as requests:
            while not self._stopped:
                await self._room.acquire()
                requests.start_soon(self._ask)
                # What a slow machine has missed is not caught up with.
                due = max(due + 1 / REQUESTS_PER_SECOND, time.monotonic())
                await anyio.sleep(max(due - time.monotonic(), 0))

    def stop(self) -> None:
        self._stopped = True

    async def _ask(self) -> None:
        try:
            answer = await self._client.recommend(TENANT, self._query)
        finally:
            self._room.release()
        assert answer == self._expected[answer.model_version]
        self.answers[answer.model_version] += 1


async def _half_snapshot(place: Place, data_dir: Path) -> str:
    """Of the older half of the events, so that the model of it gives other answers."""
    in_time = sorted(place.sample.events, key=lambda event: event.timestamp)
    columns = {"user_id", "item_id", "event_type", "timestamp", "value"}
    events = [event.model_dump(include=columns) for event in in_time[: len(in_time) // 2]]
    items = [item.model_dump() for item in place.sample.items]
    return await write_snapshot(objects_url(data_dir), TENANT, events, items)


async def test_no_request_fails_and_no_answer_mixes_two_models(
    place: Place, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    shutil.copytree(place.data_dir, data_dir)
    replica = Replica(data_dir, free_port())
    try:
        replica.wait_until_ready()
        async with replica.client() as client:
            other = (await trained(client, await _half_snapshot(place, data_dir))).model_version
            first = (await client.models(TENANT, limit=2)).data[-1].model_version
            assert other is not None
            versions = (first, other)
            met = [item.item_id for item in place.sample.items[:3]]
            query = RecommendationQuery(history=met, num_items=20)
            expected: dict[str | None, Recommendations] = {}
            for version in versions:
                await client.activate(TENANT, version)
                expected[version] = await client.recommend(TENANT, query)
                assert expected[version].model_version == version
            assert expected[first].items != expected[other].items
            load, began = Load(client, query, expected), time.monotonic()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(load.run)
                for _ in range(SWAPS // 2):
                    assert (await client.activate(TENANT, first)).model_version == first
                    assert (await client.roll_back(TENANT)).model_version == other
                load.stop()
            seconds = time.monotonic() - began
    finally:
        replica.process.terminate()
        replica.process.wait(timeout=60)
    sys.stdout.write(f"\n{SWAPS} swaps in {seconds:.0f} s, {load.answers.total()} answers\n")
    assert set(load.answers) == set(versions)
