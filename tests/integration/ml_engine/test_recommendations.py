"""Recommendations from a model that the service itself has trained."""

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from tests.event_batches import event_update
from tests.in_process import running
from tests.integration.ml_engine.conftest import (
    ADDRESS,
    TENANT,
    TOKEN,
    Place,
    engine,
    user_event,
)

from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.http_transport import HttpTransport
from backends.locations import features_path
from backends.ports import ItemContent, ItemUpdate
from contracts.client import ServiceError
from contracts.ml_engine import MlEngineClient
from contracts.recommendations import RecommendationQuery, Recommendations
from ml_engine.bootstrap import build_app
from ml_engine.settings import Settings

pytestmark = pytest.mark.anyio


def seen(place: Place, user_id: str) -> set[str]:
    return {e.item_id for e in place.sample.events if e.user_id == user_id}


def two_users(place: Place) -> tuple[str, str]:
    users = list(dict.fromkeys(e.user_id for e in place.sample.events))
    return users[0], users[1]


async def test_known_users_get_full_and_different_lists_without_what_they_saw(
    place: Place,
) -> None:
    async with engine(place.settings()) as client:
        answers = []
        for user_id in two_users(place):
            answer = await client.recommend(TENANT, RecommendationQuery(user_id=user_id))
            assert answer.algorithm == "two-tower"
            ids = [item.item_id for item in answer.items]
            assert len(set(ids)) == 10
            assert not seen(place, user_id) & set(ids)
            assert [i.score for i in answer.items] == sorted(
                (i.score for i in answer.items), reverse=True
            )
            answers.append(ids)
    assert answers[0] != answers[1]


async def test_an_unknown_user_gets_a_labelled_popular_list(place: Place) -> None:
    async with engine(place.settings()) as client:
        answer = await client.recommend(TENANT, RecommendationQuery(user_id="nobody"))
    counts: dict[str, int] = {}
    for event in place.sample.events:
        counts[event.item_id] = counts.get(event.item_id, 0) + 1
    assert answer.algorithm == "popularity"
    assert [i.score for i in answer.items] == sorted(counts.values(), reverse=True)[:10]


async def test_a_reason_names_an_item_of_the_history(place: Place) -> None:
    history = [item.item_id for item in place.sample.items[:3]]
    titles = {item.title for item in place.sample.items[:3]}
    async with engine(place.settings()) as client:
        answer = await client.recommend(TENANT, RecommendationQuery(history=history))
    assert not set(history) & {i.item_id for i in answer.items}
    named = {i.reason.removeprefix("because of ") for i in answer.items} - {"popularity"}
    assert named
    assert named <= titles


async def test_excluded_items_are_left_out_and_the_list_stays_full(place: Place) -> None:
    query = RecommendationQuery(user_id="nobody", num_items=70)
    async with engine(place.settings()) as client:
        first = await client.recommend(TENANT, query)
        dropped = [i.item_id for i in first.items[:10]]
        second = await client.recommend(TENANT, query.model_copy(update={"exclude": dropped}))
    assert not set(dropped) & {i.item_id for i in second.items}
    assert len(second.items) == 70


async def test_similar_items_are_not_the_item_and_an_unknown_item_is_a_problem(
    place: Place,
) -> None:
    item_id = place.sample.items[0].item_id
    async with engine(place.settings()) as client:
        answer = await client.recommend(TENANT, RecommendationQuery(item_id=item_id))
        assert len(answer.items) == 10
        assert item_id not in {i.item_id for i in answer.items}
        with pytest.raises(ServiceError) as failure:
            await client.recommend(TENANT, RecommendationQuery(item_id="no-such-item"))
    assert (failure.value.problem.status, failure.value.problem.code) == (404, "item_not_found")


async def test_an_event_changes_the_next_answer_and_a_new_item_can_be_recommended(
    place: Place,
) -> None:
    writer = SqliteFeatureWriter(features_path(place.data_dir))
    user_id = f"newcomer-{time.time_ns()}"
    twin = place.sample.items[0]
    new_item = f"new-{time.time_ns()}"
    async with engine(place.settings()) as client:
        before = await client.recommend(TENANT, RecommendationQuery(user_id=user_id))
        event = user_event(place.sample.items[5].item_id, datetime.now(UTC), 1_000_000)
        await writer.apply(event_update(TENANT, [(user_id, event)], 1_000_000))
        after = await client.recommend(TENANT, RecommendationQuery(user_id=user_id))
        content = ItemContent(10_000, new_item, twin.title, tuple(twin.categories), twin.year)
        await writer.apply(ItemUpdate([(TENANT, content)], 10_000))
        query = RecommendationQuery(user_id=user_id, num_items=1000)
        everything = await client.recommend(TENANT, query)
        similar = await client.recommend(TENANT, RecommendationQuery(item_id=new_item))
    await writer.close()
    assert (before.algorithm, after.algorithm) == ("popularity", "two-tower")
    assert new_item in {i.item_id for i in everything.items}
    assert len(similar.items) == 10


async def test_features_of_another_format_are_a_store_that_is_away(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, service_token=TOKEN, log_level="WARNING")
    await SqliteFeatureWriter(features_path(tmp_path)).close()
    with closing(sqlite3.connect(features_path(tmp_path))) as connection:
        connection.execute("PRAGMA user_version=0")
    async with (
        running(build_app(settings)) as over,
        httpx2.AsyncClient(transport=over, base_url=ADDRESS) as plain,
    ):
        client = MlEngineClient(HttpTransport(ADDRESS, timeout_seconds=30, over=over), TOKEN)
        with pytest.raises(ServiceError) as failure:
            await client.recommend(TENANT, RecommendationQuery(user_id="u"))
        ready = await plain.get("/health/ready")
    problem = failure.value.problem
    assert (problem.status, problem.code) == (503, "store_unavailable")
    assert "data-pipeline makes them anew" in problem.detail
    assert ready.status_code == 503


async def test_another_tenant_has_nothing(place: Place) -> None:
    async with engine(place.settings()) as client:
        with pytest.raises(ServiceError) as failure:
            await client.recommend("other", RecommendationQuery(user_id="nobody"))
    assert failure.value.problem.code == "nothing_to_recommend"


async def test_a_restart_gives_the_same_answer(place: Place) -> None:
    query = RecommendationQuery(user_id=two_users(place)[0])
    async with engine(place.settings()) as client:
        first = await client.recommend(TENANT, query)
    async with engine(place.settings()) as client:
        second = await client.recommend(TENANT, query)
    assert first == second


async def test_an_answer_is_written_as_its_documented_model_is(place: Place) -> None:
    user_id, _ = two_users(place)
    async with running(build_app(place.settings())) as over:
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with httpx2.AsyncClient(transport=over, base_url=ADDRESS, headers=headers) as http:
            answer = await http.post(
                f"/v1/tenants/{TENANT}/recommendations", json={"user_id": user_id, "explain": True}
            )
    model = Recommendations.model_validate_json(answer.content)
    assert model.items[0].explanation is not None
    assert answer.json() == model.model_dump()


@pytest.mark.parametrize(
    ("path", "headers", "body", "field"),
    [
        (f"{TENANT}", {}, b"", "body"),
        (f"{TENANT}", {"content-type": "text/plain"}, b'{"user_id": "u"}', "body"),
        ("No-Tenant", {}, b'{"user_id": "u"}', "path.tenant"),
        (f"{TENANT}", {"content-type": "application/json"}, b"{}", "body"),
    ],
    ids=["no body", "not declared as JSON", "not a tenant", "no subject"],
)
async def test_what_is_no_query_is_refused_with_its_place(
    place: Place, path: str, headers: dict[str, str], body: bytes, field: str
) -> None:
    async with running(build_app(place.settings())) as over:
        token = {"authorization": f"Bearer {TOKEN}"}
        async with httpx2.AsyncClient(transport=over, base_url=ADDRESS, headers=token) as http:
            answer = await http.post(
                f"/v1/tenants/{path}/recommendations", headers=headers, content=body
            )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
