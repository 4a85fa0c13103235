"""What the tests of the projection share."""

from collections.abc import AsyncGenerator

import pytest
from tests.unit.data_pipeline.projection.world import World

from data_pipeline.load import projection


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[World]:
    monkeypatch.setattr(projection, "GATHERING_SECONDS", 0.05)
    world = World()
    yield world
    await world.projection.close()
