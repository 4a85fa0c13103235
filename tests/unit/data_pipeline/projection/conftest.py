"""What the tests of the projection share."""

from collections.abc import AsyncGenerator

import pytest
from tests.unit.data_pipeline.projection.world import World


@pytest.fixture
async def world() -> AsyncGenerator[World]:
    world = World()
    yield world
    await world.projection.close()
