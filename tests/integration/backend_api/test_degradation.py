"""Answers while ml-engine or data-pipeline does not answer."""

import time
from functools import partial
from typing import Any

import anyio
import pytest
from starlette.responses import Response
from tests.integration.backend_api.conftest import Api, StartApi

from backend_api.domain.circuit_breaker import CircuitBreaker
from web.problems import problem

pytestmark = pytest.mark.anyio
PATH = "/recommendations"
EVENT = {
    "event_id": "1",
    "user_id": "42",
    "item_id": "a",
    "event_type": "view",
    "timestamp": "2026-01-31T12:00:00Z",
}


@pytest.fixture
def quick_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend_api.services.popular_lists.ROUND_SECONDS", 0.005)


@pytest.fixture
def no_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A circuit that opened stays open, however long the test takes."""
    breaker = partial(CircuitBreaker, probe_seconds=3600.0)
    monkeypatch.setattr("backend_api.bootstrap.product.CircuitBreaker", breaker)


async def recommend(api: Api, by: str = "acme", **asked: Any) -> dict[str, Any]:
    response = await api.send("POST", PATH, asked, by)
    return {"status": response.status_code, **response.json()}


async def fails_once_the_popular_list_is_there(api: Api, answer: Response) -> None:
    with anyio.fail_after(30):
        while all(b'"user_id"' in body for body in api.ml_engine.bodies(PATH)):
            await anyio.sleep(0.005)
        # The list is on its way to where it is kept.
        api.ml_engine.answer_with = answer
        while (await recommend(api, user_id="anyone"))["status"] != 200:
            await anyio.sleep(0.005)


async def test_the_same_question_gets_its_last_answer(api: Api) -> None:
    live = await recommend(api, user_id="u", num_items=3)
    api.ml_engine.answer_with = problem(500, "internal_error", "broken")
    degraded = await recommend(api, user_id="u", num_items=3)
    assert (degraded["status"], degraded["degraded"]) == (200, "cached")
    assert degraded["items"] == live["items"]
    assert degraded["model_version"] == live["model_version"]
    assert degraded["recommendation_id"] != live["recommendation_id"]
    record = await api.send("GET", f"{PATH}/{degraded['recommendation_id']}")
    assert record.json()["answer"]["degraded"] == "cached"
    labels = {"degraded": "cached", "reason": "unavailable"}
    assert await api.metric("recommendations_degraded_total", **labels) == 1
    served = {"tenant_id": "acme", "model_version": "7", "algorithm": "two-tower"}
    assert await api.metric("recommendations_served_total", **served) == 6


@pytest.mark.usefixtures("quick_rounds")
async def test_what_a_user_did_meanwhile_is_in_no_answer_that_stands_in(api: Api) -> None:
    live = await recommend(api, user_id="u", num_items=3)
    await fails_once_the_popular_list_is_there(api, problem(500, "internal_error", "broken"))
    for user_id, item_id, event_type in (
        ("u", live["items"][1]["item_id"], "view"),
        ("u", live["items"][2]["item_id"], "impression"),
        ("w", "acme/popular-1", "purchase"),
        ("stranger", live["items"][0]["item_id"], "view"),
    ):
        event = {**EVENT, "user_id": user_id, "item_id": item_id, "event_type": event_type}
        assert (await api.send("POST", "/events", {"events": [event]})).status_code == 202
    by_user = {
        user_id: await recommend(api, user_id=user_id, num_items=3) for user_id in ("u", "w")
    }
    assert [by_user["u"]["degraded"], by_user["w"]["degraded"]] == ["cached", "popular"]
    ids = {user: [item["item_id"] for item in one["items"]] for user, one in by_user.items()}
    first, _, third = (item["item_id"] for item in live["items"])
    assert ids["u"] == [first, third, "acme/popular-1"]
    assert ids["w"] == ["acme/popular-2", "acme/popular-3", "acme/popular-4"]
    again = await recommend(api, user_id="w", num_items=1, exclude_seen=False)
    assert [item["item_id"] for item in again["items"]] == ["acme/popular-1"]


@pytest.mark.usefixtures("quick_rounds")
async def test_other_questions_get_what_is_popular_without_what_they_exclude(api: Api) -> None:
    await recommend(api, user_id="u")
    await fails_once_the_popular_list_is_there(api, problem(503, "store_unavailable", "away"))
    answer = await recommend(api, user_id="v", num_items=2, exclude=["acme/popular-1"])
    assert (answer["status"], answer["degraded"]) == (200, "popular")
    ids = [item["item_id"] for item in answer["items"]]
    assert ids == ["acme/popular-2", "acme/popular-3"]


@pytest.mark.usefixtures("quick_rounds")
async def test_a_filter_that_cannot_be_honoured_is_refused_and_never_ignored(api: Api) -> None:
    await recommend(api, user_id="u")
    await fails_once_the_popular_list_is_there(api, problem(500, "internal_error", "broken"))
    asked = {"user_id": "v", "filters": {"categories": ["Drama"]}}
    response = await api.send("POST", PATH, asked)
    assert (response.status_code, response.json()["code"]) == (503, "ml_engine_unavailable")
    assert int(response.headers["retry-after"]) > 0


@pytest.mark.usefixtures("quick_rounds")
async def test_nothing_of_one_tenant_stands_in_for_another(api: Api) -> None:
    await recommend(api, user_id="u")
    await fails_once_the_popular_list_is_there(api, problem(500, "internal_error", "broken"))
    assert (await recommend(api, by="globex", user_id="u"))["status"] == 503


@pytest.mark.usefixtures("no_probes")
async def test_a_service_that_hangs_costs_the_budget_and_then_nothing(start: StartApi) -> None:
    async with start(recommendation_budget_seconds=0.2) as api:
        await recommend(api, user_id="u")
        api.ml_engine.hangs = True
        began = time.perf_counter()
        for _ in range(5):
            assert (await recommend(api, user_id="u"))["degraded"] == "cached"
        hanging = time.perf_counter() - began
        assert hanging > 5 * 0.2
        asked = len(api.ml_engine.seen)
        began = time.perf_counter()
        for _ in range(5):
            assert (await recommend(api, user_id="u"))["degraded"] == "cached"
        assert time.perf_counter() - began < hanging
        assert len(api.ml_engine.seen) == asked
        assert await api.metric("circuit_breaker_state", dependency="ml_engine") == 2
        by_reason = [
            await api.metric("recommendations_degraded_total", degraded="cached", reason=reason)
            for reason in ("timeout", "circuit_open")
        ]
        assert by_reason == [5, 5]
        lines = [line for line in api.logs() if line.get("circuit") == "open"]
        assert [line["dependency"] for line in lines] == ["ml_engine"]


async def test_answers_are_live_again_soon_after_its_return(api: Api) -> None:
    await recommend(api, user_id="u")
    api.ml_engine.answer_with = problem(500, "internal_error", "broken")
    for _ in range(6):
        await recommend(api, user_id="u")
    assert await api.metric("circuit_breaker_state", dependency="ml_engine") == 2
    api.ml_engine.answer_with = None
    with anyio.fail_after(30):
        while (await recommend(api, user_id="u"))["degraded"] is not None:
            await anyio.sleep(0.05)
    assert await api.metric("circuit_breaker_state", dependency="ml_engine") == 0


async def test_refusals_of_ml_engine_open_no_circuit(api: Api) -> None:
    api.ml_engine.answer_with = problem(404, "item_not_found", "there is no such item")
    for _ in range(10):
        assert (await recommend(api, item_id="a"))["status"] == 404
    assert await api.metric("circuit_breaker_state", dependency="ml_engine") == 0


async def test_a_batch_is_answered_where_something_stands_in_for_every_user(api: Api) -> None:
    for user_id in ("a", "b"):
        await recommend(api, user_id=user_id, num_items=2)
    api.ml_engine.answer_with = problem(500, "internal_error", "broken")
    batch = {"user_ids": ["b", "a"], "num_items": 2}
    response = await api.send("POST", f"{PATH}/batch", batch)
    assert response.status_code == 200
    answers = response.json()["answers"]
    assert [(one["user_id"], one["degraded"]) for one in answers] == [
        ("b", "cached"),
        ("a", "cached"),
    ]
    unknown = {"user_ids": ["a", "stranger"], "num_items": 2}
    response = await api.send("POST", f"{PATH}/batch", unknown)
    assert (response.status_code, response.json()["code"]) == (503, "ml_engine_unavailable")


@pytest.mark.usefixtures("no_probes")
async def test_writes_are_refused_at_once_while_data_pipeline_is_away(api: Api) -> None:
    api.data_pipeline.answer_with = problem(500, "internal_error", "broken")
    for _ in range(5):
        response = await api.send("POST", "/events", {"events": [EVENT]})
        assert (response.status_code, response.json()["code"]) == (503, "data_pipeline_unavailable")
        assert int(response.headers["retry-after"]) > 0
    asked = len(api.data_pipeline.seen)
    for method, path, body in (
        ("POST", "/events", {"events": [EVENT]}),
        ("PUT", "/items/a", {"title": "A"}),
        ("GET", "/users/u", None),
        ("POST", "/imports?data_type=items&format=jsonl", None),
    ):
        headers = {"content_type": "application/x-ndjson"} if "imports" in path else {}
        response = await api.send(method, path, body, **headers)
        assert (response.status_code, response.json()["code"]) == (503, "data_pipeline_unavailable")
    assert len(api.data_pipeline.seen) == asked
    assert await api.metric("circuit_breaker_state", dependency="data_pipeline") == 2
