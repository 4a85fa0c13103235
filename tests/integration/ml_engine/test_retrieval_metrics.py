"""What retrieval tells of its vectors and of its index, as a scrape shows it."""

from collections.abc import AsyncGenerator

import anyio
import httpx2
import pytest
from tests.in_process import running
from tests.integration.ml_engine.conftest import ADDRESS, TENANT, TOKEN, Place

from backends.http_transport import HttpTransport
from contracts.ml_engine import MlEngineClient
from contracts.recommendations import RecommendationQuery
from ml_engine.bootstrap import build_app

pytestmark = pytest.mark.anyio


@pytest.fixture
async def over(place: Place) -> AsyncGenerator[httpx2.AsyncBaseTransport]:
    async with running(build_app(place.settings())) as over:
        yield over


async def samples(over: httpx2.AsyncBaseTransport) -> dict[str, float]:
    async with httpx2.AsyncClient(transport=over, base_url=ADDRESS) as client:
        text = (await client.get("/metrics")).text
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def test_the_report_of_the_model_that_serves_is_shown(
    over: httpx2.AsyncBaseTransport,
) -> None:
    shown = await samples(over)
    measures = {
        name.partition('metric="')[2].partition('"')[0]: value
        for name, value in shown.items()
        if name.startswith("ml_recommendation_quality{")
    }
    ratios = {"ndcg", "map", "precision", "recall", "hit_rate", "mrr"}
    ratios |= {"coverage", "diversity", "popularity_bias"}
    assert set(measures) == ratios | {"novelty", "miscalibration"}
    assert all(0 <= measures[name] <= 1 for name in ratios)
    assert measures["coverage"] > 0.1
    assert measures["novelty"] > 0


async def test_the_index_of_the_model_that_serves_is_shown(
    over: httpx2.AsyncBaseTransport,
) -> None:
    shown = await samples(over)
    name = f'ann_recall_when_built{{index_type="flat",tenant_id="{TENANT}"}}'
    assert shown[name] == 1


async def test_items_of_histories_are_hits_where_they_have_a_vector(
    over: httpx2.AsyncBaseTransport, place: Place
) -> None:
    client = MlEngineClient(HttpTransport(ADDRESS, timeout_seconds=30, over=over), TOKEN)
    known = [item.item_id for item in place.sample.items[:3]]
    await client.recommend(TENANT, RecommendationQuery(history=[*known, "never-named"]))
    shown = await samples(over)
    assert shown["embedding_cache_hits_total"] == 3
    assert shown["embedding_cache_misses_total"] == 1
    assert 0 <= shown["embedding_cache_age_seconds"] < 120


async def test_a_live_search_is_repeated_exactly(
    over: httpx2.AsyncBaseTransport, place: Place
) -> None:
    client = MlEngineClient(HttpTransport(ADDRESS, timeout_seconds=30, over=over), TOKEN)
    user = place.sample.events[0].user_id
    name = f'ann_recall{{tenant_id="{TENANT}"}}'
    with anyio.fail_after(30):
        while name not in (shown := await samples(over)):
            await client.recommend(TENANT, RecommendationQuery(user_id=user))
            await anyio.sleep(0.02)
    assert shown[name] == 1
