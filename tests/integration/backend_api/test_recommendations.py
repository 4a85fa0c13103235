"""Recommendations and similar items through the public API."""

from uuid import UUID

import pytest
from tests.integration.backend_api.conftest import Api

from contracts.recommendations import RecommendationQuery

pytestmark = pytest.mark.anyio
PATH = "/api/v1/recommendations"


@pytest.mark.parametrize(
    "subject", [{"user_id": "42"}, {"history": ["a", "b", "c"]}, {"item_id": "a"}]
)
async def test_a_recommendation_answers_ranked_items(api: Api, subject: dict[str, object]) -> None:
    response = await api.post(PATH, {**subject, "num_items": 3})
    assert response.status_code == 200
    answer = response.json()
    assert list(answer) == ["recommendation_id", "model_version", "algorithm", "items"]
    assert UUID(answer["recommendation_id"]).version == 7
    assert answer["model_version"] == "7"
    assert answer["algorithm"] == "two-tower"
    assert [item["item_id"] for item in answer["items"]] == [
        "acme/item-1",
        "acme/item-2",
        "acme/item-3",
    ]
    assert answer["items"][0] == {"item_id": "acme/item-1", "score": 1.0, "reason": "because"}


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
