"""ml-engine reads its features from a Redis, as soon as they are there."""

from collections.abc import Generator
from pathlib import Path

import pytest
from tests.integration.ml_engine.conftest import TENANT, Place, engine, write_features
from tests.otlp_collector import Collector
from tests.redis_server import RedisServer

from backends.scaled.redis_features.writer import RedisFeatureWriter
from contracts.client import ServiceError
from contracts.recommendations import RecommendationQuery

pytestmark = pytest.mark.anyio


@pytest.fixture
def redis(tmp_path: Path) -> Generator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start_at_once()
    yield server
    server.kill()


async def test_a_start_before_the_features_are_there_is_unready_and_goes_on_with_them(
    place: Place, redis: RedisServer, collector: Collector
) -> None:
    changes = {"redis_url": redis.url, "otlp_endpoint": collector.url, "trace_sample_rate": 1.0}
    query = RecommendationQuery(user_id=place.sample.events[0].user_id)
    async with engine(place.settings().model_copy(update=changes)) as client:
        with pytest.raises(ServiceError, match="not filled yet") as refused:
            await client.recommend(TENANT, query)
        assert refused.value.problem.status == 503
        writer = RedisFeatureWriter(redis.url)
        await write_features(writer, place.sample)
        await writer.close()
        from_redis = await client.recommend(TENANT, query)
    async with engine(place.settings()) as client:
        from_file = await client.recommend(TENANT, query)
    assert from_redis == from_file
    assert from_redis.algorithm == "two-tower"
    attributes = {
        one.key: one.value.string_value for one in collector.span("feature_store user").attributes
    }
    assert attributes["db.system.name"] == "redis"
