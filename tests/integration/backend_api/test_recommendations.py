"""Recommendations and similar items through the public API."""

from typing import Any
from uuid import UUID

import pytest
from tests.integration.backend_api.conftest import Api

from contracts.recommendations import BatchQuery, RecommendationQuery

pytestmark = pytest.mark.anyio
PATH = "/api/v1/recommendations"


@pytest.mark.parametrize(
    "subject", [{"user_id": "42"}, {"history": ["a", "b", "c"]}, {"item_id": "a"}]
)
async def test_a_recommendation_answers_ranked_items(api: Api, subject: dict[str, object]) -> None:
    response = await api.post(PATH, {**subject, "num_items": 3})
    assert response.status_code == 200
    answer = response.json()
    assert (answer["degraded"], answer["skipped_pins"]) == (None, [])
    assert UUID(answer["recommendation_id"]).version == 7
    assert answer["model_version"] == "7"
    assert answer["algorithm"] == "two-tower"
    assert [item["item_id"] for item in answer["items"]] == [
        "acme/item-1",
        "acme/item-2",
        "acme/item-3",
    ]
    assert answer["items"][0] == {
        "item_id": "acme/item-1",
        "score": 1.0,
        "reason": "because",
        "explanation": None,
    }


async def test_ten_items_are_the_default(api: Api) -> None:
    response = await api.post(PATH, {"user_id": "42"})
    assert len(response.json()["items"]) == 10


async def test_the_query_reaches_ml_engine_whole(api: Api) -> None:
    sent = {"history": ["a", "ü/b"], "num_items": 5, "exclude": ["c"]}
    await api.post(PATH, sent)
    seen = api.ml_engine.seen[0]
    assert seen.path == "/v1/tenants/acme/recommendations"
    assert RecommendationQuery.model_validate_json(seen.body) == RecommendationQuery(**sent)


async def test_every_answer_has_an_id_of_its_own(api: Api) -> None:
    answers = [await api.post(PATH, {"user_id": "42"}) for _ in range(3)]
    assert len({answer.json()["recommendation_id"] for answer in answers}) == 3


@pytest.mark.parametrize(
    ("path", "item_id"),
    [
        ("a", "a"),
        ("a%2Fb", "a/b"),
        ("a/b", "a/b"),
        ("%E6%98%A0%E7%94%BB", "映画"),
        ("a/similar", "a/similar"),
        ("50%25", "50%"),
        ("what%3F", "what?"),
    ],
)
async def test_similar_items_of_any_id(api: Api, path: str, item_id: str) -> None:
    response = await api.get(f"/api/v1/items/{path}/similar?num_items=2")
    assert response.status_code == 200
    assert len(response.json()["items"]) == 2
    query = RecommendationQuery.model_validate_json(api.ml_engine.seen[0].body)
    assert query == RecommendationQuery(item_id=item_id, num_items=2)


async def test_a_user_is_recommended_to_by_a_get(api: Api) -> None:
    response = await api.get("/api/v1/users/a%2Fb/recommendations?num_items=4&explain=true")
    assert response.status_code == 200
    assert len(response.json()["items"]) == 4
    query = RecommendationQuery.model_validate_json(api.ml_engine.seen[0].body)
    assert query == RecommendationQuery(user_id="a/b", num_items=4, explain=True)


async def test_a_batch_answers_each_user_in_order(api: Api) -> None:
    users = ["b", "a", "ü"]
    response = await api.post(f"{PATH}/batch", {"user_ids": users, "num_items": 2})
    assert response.status_code == 200
    answers = response.json()["answers"]
    assert [answer["user_id"] for answer in answers] == users
    assert [answer["items"][0]["item_id"] for answer in answers] == [f"acme/{u}-1" for u in users]
    assert len({answer["recommendation_id"] for answer in answers}) == 3
    query = BatchQuery.model_validate_json(api.ml_engine.seen[0].body)
    assert query == BatchQuery(user_ids=users, num_items=2)


@pytest.mark.parametrize("size", [0, 1_001])
async def test_a_batch_has_1_to_1000_users(api: Api, size: int) -> None:
    response = await api.post(f"{PATH}/batch", {"user_ids": ["u"] * size})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "body.user_ids"


async def test_an_answer_is_had_again_with_what_was_asked(api: Api) -> None:
    asked = {"user_id": "42", "num_items": 3, "context": {"region": "EU"}}
    answer = (await api.post(PATH, asked)).json()
    again = await api.get(f"{PATH}/{answer['recommendation_id']}")
    assert again.status_code == 200
    record = again.json()
    assert record["answer"] == answer
    assert record["request"] == asked
    assert record["created_at"].endswith("Z")


async def test_each_answer_of_a_batch_is_had_again(api: Api) -> None:
    response = await api.post(f"{PATH}/batch", {"user_ids": ["a", "b"], "num_items": 2})
    for answer in response.json()["answers"]:
        record = (await api.get(f"{PATH}/{answer['recommendation_id']}")).json()
        assert {"user_id": answer["user_id"], **record["answer"]} == answer
        assert record["request"] == {"user_id": answer["user_id"], "num_items": 2}


@pytest.mark.parametrize("recommendation_id", ["none", "019a8f1e-7c3b-7d52-9d1b-2f6c1f0e8a41"])
async def test_an_unknown_recommendation_is_not_found(api: Api, recommendation_id: str) -> None:
    response = await api.get(f"{PATH}/{recommendation_id}")
    assert (response.status_code, response.json()["code"]) == (404, "recommendation_not_found")


async def test_another_tenants_recommendation_is_not_found(api: Api) -> None:
    answer = (await api.post(PATH, {"user_id": "42"})).json()
    path = f"{PATH}/{answer['recommendation_id']}"
    response = await api.get(path, headers=api.key_of("globex"))
    assert (response.status_code, response.json()["code"]) == (404, "recommendation_not_found")


@pytest.mark.parametrize(
    ("asked", "algorithm", "labels"),
    [
        ({"user_id": "u"}, "two-tower", ("known", "none", "none")),
        ({"user_id": "u"}, "popularity", ("new", "none", "none")),
        (
            {"history": ["a"], "filters": {"categories": ["Drama"]}},
            "x",
            ("session", "Drama", "none"),
        ),
        ({"item_id": "a", "filters": {"categories": ["A", "B"]}}, "x", ("item", "none", "none")),
        (
            {"context": {"region": "de-BY", "categories": ["Sci-Fi"]}},
            "x",
            ("context", "Sci-Fi", "de-BY"),
        ),
        (
            {"context": {"region": "rk_1", "categories": ["a@b.example"]}},
            "x",
            ("context", "other", "other"),
        ),
    ],
)
async def test_requests_are_counted_by_what_they_ask(
    api: Api, asked: dict[str, Any], algorithm: str, labels: tuple[str, str, str]
) -> None:
    api.ml_engine.algorithm = algorithm
    assert (await api.post(PATH, asked)).status_code == 200
    segment, category, region = labels
    counted = await api.metric(
        "recommendation_requests_total",
        user_segment=segment,
        category=category,
        location_region=region,
    )
    assert counted == 1
