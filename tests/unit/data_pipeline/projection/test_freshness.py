"""How far the features are behind the logs."""

import pytest
from anyio.lowlevel import checkpoint
from tests.unit.data_pipeline.projection.world import caught_up

from data_pipeline.domain.deliveries import Lane
from data_pipeline.load import feeds

pytestmark = pytest.mark.anyio


async def test_freshness_is_the_age_of_the_oldest_record_that_is_not_applied(world) -> None:
    fresh = {"histories": 0.0, "items": 0.0, "users": 0.0}
    assert world.projection.freshness() == fresh
    world.features.faults = ["before"]
    await world.projection.follow(users=world.users.add())
    world.now_ms += 2_500
    assert world.projection.freshness() == fresh | {"users": 2.5}
    await caught_up(world.projection)
    assert world.projection.freshness() == fresh


async def test_freshness_of_a_backlog_is_that_of_the_events_in_it(monkeypatch, world) -> None:
    monkeypatch.setattr(feeds, "EVENT_ROWS", {Lane.LIVE: 1, Lane.BULK: 1})
    world.events.add(20, Lane.BULK)
    await world.projection.recover()
    ages = set()
    while len(world.applied["bulk"]) < 20:
        ages.add(world.projection.freshness()["histories"])
        await checkpoint()
    await world.projection.reach(Lane.BULK, 20)
    assert ages <= {0.0, 1_000.0}
    assert 1_000.0 in ages
    assert world.projection.freshness()["histories"] == 0.0
