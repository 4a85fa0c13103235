"""Erasure and export of a user's data."""

from typing import Any

import anyio
import pytest
from tests.integration.backend_api.conftest import Api, StartApi

from web.problems import problem

pytestmark = pytest.mark.anyio
EVENT = {
    "event_id": "1",
    "user_id": "ann/1",
    "item_id": "i",
    "event_type": "view",
    "timestamp": "2026-01-31T12:00:00Z",
}


async def known_user(api: Api) -> list[str]:
    """A user with a merged session, and recommendations to both; their ids."""
    await api.send("PUT", "/users/ann%2F1", {"attributes": {"age": 3}}, idempotency_key="k1")
    await api.send("POST", "/events", {"events": [EVENT]})
    await api.send("POST", "/users/ann%2F1/merge", {"from_user_id": "session"})
    answers = [
        await api.send("POST", "/recommendations", {"user_id": user_id, "num_items": 2})
        for user_id in ("ann/1", "session")
    ]
    return [answer.json()["recommendation_id"] for answer in answers]


async def test_an_export_has_everything(api: Api) -> None:
    ids = await known_user(api)
    response = await api.send("GET", "/users/ann%2F1/export")
    assert response.status_code == 200
    export = response.json()
    assert export["data"]["profile"]["attributes"] == {"age": 3}
    assert export["data"]["merged_from"] == ["session"]
    assert [event["event_id"] for event in export["data"]["events"]] == ["1"]
    given = [record["answer"]["recommendation_id"] for record in export["recommendations"]]
    assert sorted(given) == sorted(ids)


async def test_an_export_of_nobody_is_not_found(api: Api) -> None:
    await known_user(api)
    response = await api.send("GET", "/users/ann%2F1/export", by="globex")
    assert (response.status_code, response.json()["code"]) == (404, "user_not_found")


async def test_recommendations_alone_are_an_export_until_they_are_erased(api: Api) -> None:
    given = (await api.send("POST", "/recommendations", {"user_id": "stranger"})).json()
    response = await api.send("GET", "/users/stranger/export")
    assert response.status_code == 200
    export = response.json()
    assert export["data"] == {
        "user_id": "stranger",
        "profile": None,
        "merged_from": [],
        "events": [],
        "quarantined": [],
    }
    ids = [record["answer"]["recommendation_id"] for record in export["recommendations"]]
    assert ids == [given["recommendation_id"]]
    await api.send("DELETE", "/users/stranger")
    gone = await api.send("GET", "/users/stranger/export")
    assert (gone.status_code, gone.json()["code"]) == (404, "user_not_found")


@pytest.fixture
def no_popular_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the test takes, none is asked for."""
    monkeypatch.setattr("backend_api.services.popular_lists.ROUND_SECONDS", 3600.0)


@pytest.mark.usefixtures("no_popular_lists")
async def test_an_erasure_removes_everything_and_proves_it(api: Api) -> None:
    ids = await known_user(api)
    other = await api.send("POST", "/recommendations", {"user_id": "bob"})
    response = await api.send("DELETE", "/users/ann%2F1")
    assert response.status_code == 200
    receipt = response.json()
    assert receipt["complete"] is True
    removed = {place["place"]: place["removed"] for place in receipt["places"]}
    assert removed == {
        "events": 1,
        "profile": 1,
        "recommendation log": 2,
        # Two answers, and the items that are to be in none of them.
        "fallback answers": 3,
        "idempotent answers": 1,
    }
    assert all(place["remaining"] == 0 for place in receipt["places"])
    for recommendation_id in ids:
        gone = await api.send("GET", f"/recommendations/{recommendation_id}")
        assert gone.status_code == 404
    assert (await api.send("GET", "/users/ann%2F1/export")).status_code == 404
    kept = await api.send("GET", f"/recommendations/{other.json()['recommendation_id']}")
    assert kept.status_code == 200
    api.ml_engine.answer_with = problem(500, "internal_error", "broken")
    asked = {"user_id": "ann/1", "num_items": 2}
    assert (await api.send("POST", "/recommendations", asked)).status_code == 503


async def test_a_receipt_is_kept_and_names_the_user_by_a_hash_only(api: Api) -> None:
    await known_user(api)
    receipt = (await api.send("DELETE", "/users/ann%2F1")).json()
    assert "ann" not in str(receipt)
    assert len(receipt["user_id_hash"]) == 64
    path = f"/erasures/{receipt['erasure_id']}"
    assert (await api.send("GET", path)).json() == receipt
    assert (await api.send("GET", "/erasures")).json()["data"] == [receipt]
    foreign = await api.send("GET", path, by="globex")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "erasure_not_found")
    assert (await api.send("GET", "/erasures", by="globex")).json()["data"] == []


async def test_the_same_user_has_the_same_hash_in_one_tenant_only(api: Api) -> None:
    async def hash_of(user_id: str, by: str) -> str:
        return (await api.send("DELETE", f"/users/{user_id}", by=by)).json()["user_id_hash"]

    first = await hash_of("u", "acme")
    assert first == await hash_of("u", "acme")
    assert len({first, await hash_of("u", "globex"), await hash_of("v", "acme")}) == 3


async def test_receipts_come_newest_first_page_by_page(api: Api) -> None:
    made = [(await api.send("DELETE", f"/users/u{n}")).json()["erasure_id"] for n in range(3)]
    first = (await api.send("GET", "/erasures?limit=2")).json()
    rest = (await api.send("GET", f"/erasures?limit=2&cursor={first['next_cursor']}")).json()
    seen = [row["erasure_id"] for row in (*first["data"], *rest["data"])]
    assert seen == sorted(made, reverse=True)
    assert rest["next_cursor"] is None


async def test_an_unknown_user_has_nothing_to_remove(api: Api) -> None:
    receipt = (await api.send("DELETE", "/users/nobody")).json()
    assert receipt["complete"] is True
    assert {place["removed"] for place in receipt["places"]} == {0}


async def test_an_erasure_that_was_cut_off_is_completed_under_its_receipt(start: StartApi) -> None:
    async with start() as api:
        ids = await known_user(api)
        api.data_pipeline.answer_with = problem(503, "store_unavailable", "away")
        refused = await api.send("DELETE", "/users/ann%2F1")
        assert (refused.status_code, refused.json()["code"]) == (503, "data_pipeline_unavailable")
        assert (await api.send("GET", "/erasures")).json()["data"] == []
        assert (await api.send("GET", f"/recommendations/{ids[0]}")).status_code == 200
    async with start() as api:
        receipt: dict[str, Any] = (await api.send("DELETE", "/users/ann%2F1")).json()
        assert receipt["complete"] is True
        assert receipt["requested_at"] < receipt["completed_at"]
        listed = (await api.send("GET", "/erasures")).json()["data"]
        assert [row["erasure_id"] for row in listed] == [receipt["erasure_id"]]
        assert (await api.send("GET", f"/recommendations/{ids[0]}")).status_code == 404


async def test_answers_written_before_a_stop_are_found_after_it(start: StartApi) -> None:
    async with start() as api:
        answer = (await api.send("POST", "/recommendations", {"user_id": "u"})).json()
    async with start() as api:
        again = await api.send("GET", f"/recommendations/{answer['recommendation_id']}")
        assert again.json()["answer"] == answer


@pytest.mark.usefixtures("no_popular_lists")
async def test_an_erasure_reaches_the_memory_of_other_replicas(
    start: StartApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend_api.services.erasures_elsewhere.LOOK_SECONDS", 0.01)
    async with start() as one, start() as other:
        for user_id in ("ann", "bob"):
            await other.send("POST", "/recommendations", {"user_id": user_id})
        assert (await one.send("DELETE", "/users/ann")).status_code == 200
        other.ml_engine.answer_with = problem(500, "internal_error", "broken")

        async def status(user_id: str) -> int:
            response = await other.send("POST", "/recommendations", {"user_id": user_id})
            return response.status_code

        with anyio.fail_after(30):
            while await status("ann") != 503:
                await anyio.sleep(0.01)
        assert await status("bob") == 200
    async with start() as later:
        export = await later.send("GET", "/users/ann/export")
        assert (export.status_code, export.json()["code"]) == (404, "user_not_found")
