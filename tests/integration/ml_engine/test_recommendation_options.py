"""The options of recommendations over HTTP, on the real feature store."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from tests.event_batches import event_update
from tests.in_process import running
from tests.integration.ml_engine.conftest import ADDRESS, TENANT, TOKEN, Place, engine
from tests.otlp_collector import Collector

from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.locations import features_path
from backends.ports import EventWeights, ItemContent, ItemUpdate, UserEvent
from contracts.recommendations import BatchQuery, RecommendationQuery
from ml_engine.bootstrap import build_app

pytestmark = pytest.mark.anyio


def known_user(place: Place) -> str:
    return place.sample.events[0].user_id


async def test_filters_and_explanations_cross_the_wire(place: Place) -> None:
    category = place.sample.items[0].categories[0]
    query = RecommendationQuery.model_validate(
        {
            "user_id": known_user(place),
            "num_items": 1000,
            "filters": {"categories": [category]},
            "exclude_seen": False,
            "explain": True,
            "pins": [{"item_id": "nothing", "position": 1}],
        }
    )
    async with engine(place.settings()) as client:
        answer = await client.recommend(TENANT, query)
    found = {item.item_id for item in answer.items}
    expected = {i.item_id for i in place.sample.items if category in i.categories}
    assert found & {i.item_id for i in place.sample.items} == expected
    assert answer.skipped_pins == ["nothing"]
    assert answer.items[0].explanation is not None
    assert answer.items[0].explanation.contributions
    assert answer.items[0].explanation.model_score == answer.items[0].score


async def test_a_batch_answers_each_user_in_order(place: Place) -> None:
    users = list(dict.fromkeys(e.user_id for e in place.sample.events))[:40]
    users.insert(5, "nobody")
    async with engine(place.settings()) as client:
        batch = await client.recommend_batch(TENANT, BatchQuery(user_ids=users, num_items=5))
        for user_id, answer in list(zip(users, batch.answers, strict=True))[::7]:
            alone = await client.recommend(
                TENANT, RecommendationQuery(user_id=user_id, num_items=5)
            )
            assert [i.item_id for i in answer.items] == [i.item_id for i in alone.items]
    assert batch.answers[5].algorithm == "popularity"


async def test_stored_items_weights_and_removals_take_effect(place: Place, tmp_path: Path) -> None:
    data_dir = tmp_path / "copy"
    shutil.copytree(place.data_dir, data_dir)
    place = replace(place, data_dir=data_dir)
    writer = SqliteFeatureWriter(features_path(data_dir))
    item_id, user_id = "option-item", "option-user"
    attributes = {"price": 5, "brand": "b", "tags": ["x"], "new": True}
    item = ItemContent(50_000, item_id, "T", ("C",), 2000, attributes, (48.0, 9.0))
    met = place.sample.items[5].item_id
    query = RecommendationQuery.model_validate(
        {
            "user_id": user_id,
            "filters": {
                "attributes": {"price": {"max": 5}, "tags": {"any_of": ["x"]}},
                "near": {"radius_km": 1},
            },
            "context": {"location": {"latitude": 48.0, "longitude": 9.0}},
        }
    )
    async with engine(place.settings()) as client:
        await writer.apply(ItemUpdate([(TENANT, item)], 50_000))
        now_ms = int(datetime.now(UTC).timestamp()) * 1000
        glance = UserEvent(met, "glance", now_ms, None, 2_000_000)
        await writer.apply(event_update(TENANT, [(user_id, glance)], 2_000_000))
        first = await client.recommend(TENANT, query)
        await writer.correct([EventWeights(TENANT, {"glance": 0.0})], 1)
        second = await client.recommend(TENANT, query)
        gone = ItemContent(50_001, item_id, None, (), None, available=False, removed=True)
        await writer.apply(ItemUpdate([(TENANT, gone)], 50_001))
        third = await client.recommend(TENANT, query)
    await writer.close()
    assert [i.item_id for i in first.items] == [i.item_id for i in second.items] == [item_id]
    assert (first.algorithm, second.algorithm) == ("two-tower", "popularity")
    assert third.items == []


async def test_the_stages_of_a_filtered_answer_are_spans(
    place: Place, collector: Collector
) -> None:
    endpoint = {"otlp_endpoint": collector.url, "trace_sample_rate": 1.0}
    category = place.sample.items[0].categories[0]
    body = {"user_id": known_user(place), "filters": {"categories": [category]}}
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with (
        running(build_app(place.settings().model_copy(update=endpoint))) as over,
        httpx2.AsyncClient(transport=over, base_url=ADDRESS, headers=headers) as http,
    ):
        answer = await http.post(f"/v1/tenants/{TENANT}/recommendations", json=body)
        answer.raise_for_status()
    trace_id = answer.headers["x-trace-id"]
    around = {
        "recommendation_pipeline": None,
        "feature_enrichment": "recommendation_pipeline",
        "candidate_filtering": "recommendation_pipeline",
        "ml_inference": "recommendation_pipeline",
        "embedding_lookup": "ml_inference",
        "ann_search": "ml_inference",
        "reranking": "ml_inference",
    }
    spans = {name: collector.span(name, trace_id) for name in around}
    for name, parent in around.items():
        span = spans[name]
        parent_id = spans[parent].span_id.hex() if parent else answer.headers["x-span-id"]
        assert span.parent_span_id.hex() == parent_id
        if parent:
            assert spans[parent].start_time_unix_nano <= span.start_time_unix_nano
            assert span.end_time_unix_nano <= spans[parent].end_time_unix_nano


async def test_the_stages_of_retrieval_are_measured(place: Place) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    path = f"/v1/tenants/{TENANT}/recommendations"
    async with (
        running(build_app(place.settings())) as over,
        httpx2.AsyncClient(transport=over, base_url=ADDRESS, headers=headers) as http,
    ):
        body = {"user_id": known_user(place)}
        for extra in ({}, {"diversity": 0.5}):
            (await http.post(path, json=body | extra)).raise_for_status()
        (await http.post(path, json={"user_id": "nobody"})).raise_for_status()
        users = [known_user(place), "nobody"]
        (await http.post(f"{path}/batch", json={"user_ids": users})).raise_for_status()
        lines = (await http.get("/metrics")).text.splitlines()

    def value(name: str, *labels: str) -> float:
        found = [x for x in lines if x.startswith(name) and all(label in x for label in labels)]
        return sum(float(x.split(" ")[1]) for x in found)

    counted = "ml_model_inference_duration_seconds_count"
    assert value(counted, 'operation="embedding_lookup"') == 3
    assert value(counted, 'operation="ann_search"') == 3
    assert value(counted, 'operation="reranking"') == 4
    assert value("faiss_search_duration_seconds_count", 'index_type="scan"') == 1
    assert value("faiss_search_duration_seconds_count", 'index_type="flat"') == 2
    assert value("embedding_operations_total", 'operation_type="user"') == 3
