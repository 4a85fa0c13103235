"""Every failure is a problem that says what to do; none is a 500."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx2
import pytest
from starlette.responses import JSONResponse, Response
from tests.integration.backend_api.conftest import Api, StartApi
from tests.integration.backend_api.fake_ml_engine import UNKNOWN_ITEM

from web.problems import problem

pytestmark = pytest.mark.anyio
RECOMMENDATIONS = "/api/v1/recommendations"
EVENTS = "/api/v1/events"
JSON = {"content-type": "application/json"}


def assert_problem(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["detail"]
    assert body["title"]
    assert body["trace_id"] == response.headers["x-trace-id"]
    return body


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"user_id": "42", "num_items": 0}, "num_items"),
        ({"user_id": "42", "num_items": 10_000}, "num_items"),
        ({"user_id": "42", "num_items": 10**400}, "num_items"),
        ({"user_id": "42", "num_items": "many"}, "num_items"),
        ({"user_id": "4\x002"}, "user_id"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": "x" * 257}, "user_id"),
        ({"user_id": 42}, "user_id"),
        ({"history": ["a", "b\0"]}, "history.1"),
        ({"history": ["a"] * 1_001}, "history"),
        ({"item_id": "a", "exclude": ["\x7f"]}, "exclude.0"),
        ({"user_id": "42", "item_id": "a"}, "user_id"),
        ({}, "user_id"),
        ({"user_id": "42", "colour": "red"}, "colour"),
        ([], "body"),
    ],
)
async def test_a_query_of_the_wrong_shape_names_the_field(api: Api, query: Any, field: str) -> None:
    response = await api.post(RECOMMENDATIONS, query)
    body = assert_problem(response, 422, "invalid_request")
    assert field in body["detail"]
    assert body["errors"][0]["field"].startswith("body")
    assert not api.ml_engine.seen


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"user_id": "42",}',
        b"\xff\xfe",
        b'{"user_id": "\xff"}',
        b'{"user_id": "\\ud800"}',
        b'{"user_id": "42", "num_items": NaN5}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda content: repr(content[:20]),
)
@pytest.mark.parametrize("path", [RECOMMENDATIONS, EVENTS])
async def test_what_is_no_json_is_refused(api: Api, path: str, content: bytes) -> None:
    response = await api.client.post(path, content=content, headers={**api.key_of("acme"), **JSON})
    assert_problem(response, 400, "invalid_json")


async def test_not_a_number_is_no_number_of_items(api: Api) -> None:
    response = await api.client.post(
        RECOMMENDATIONS,
        content=b'{"user_id": "42", "num_items": NaN}',
        headers={**api.key_of("acme"), **JSON},
    )
    assert_problem(response, 422, "invalid_request")


async def test_a_long_list_of_errors_is_cut(api: Api) -> None:
    names = {f"{'x' * 1_000}{n}": n for n in range(500)}
    response = await api.post(RECOMMENDATIONS, {"user_id": "42", **names})
    body = assert_problem(response, 422, "invalid_request")
    assert len(body["errors"]) == 20
    assert len(response.content) < 10_000


@pytest.mark.parametrize("num_items", ["0", "10000", "-1", "ten", "1e3", ""])
async def test_similar_items_in_an_impossible_number(api: Api, num_items: str) -> None:
    response = await api.get(f"/api/v1/items/a/similar?num_items={num_items}")
    assert_problem(response, 422, "invalid_request")


@pytest.mark.parametrize("item_id", ["a%00b", "", "x" * 257, "%7F", "a%0Ab"])
async def test_an_impossible_item_id(api: Api, item_id: str) -> None:
    response = await api.get(f"/api/v1/items/{item_id}/similar")
    assert_problem(response, 422, "invalid_request")
    assert not api.ml_engine.seen


@pytest.mark.parametrize("path", [RECOMMENDATIONS, EVENTS])
@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_of_20_mb_is_too_large(api: Api, path: str, *, declared: bool) -> None:
    async def chunks() -> AsyncGenerator[bytes]:
        for _ in range(20):
            yield b"x" * 1_000_000

    content = b"x" * 20_000_000 if declared else chunks()
    response = await api.client.post(path, content=content, headers={**api.key_of("acme"), **JSON})
    assert_problem(response, 413, "body_too_large")


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "nonsense"},
        {"content-type": "application/json", "content-encoding": "br"},
    ],
)
@pytest.mark.parametrize("path", [RECOMMENDATIONS, EVENTS])
async def test_another_kind_of_body_is_refused(
    api: Api, path: str, headers: dict[str, str]
) -> None:
    response = await api.client.post(path, content=b"{}", headers={**api.key_of("acme"), **headers})
    assert_problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "declared", [None, "application/json; charset=utf-8", "application/x+json"]
)
async def test_json_by_any_of_its_names_is_read(api: Api, declared: str | None) -> None:
    headers = api.key_of("acme") | ({"content-type": declared} if declared else {})
    response = await api.client.post(RECOMMENDATIONS, content=b'{"user_id": "42"}', headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/v2/recommendations", f"{RECOMMENDATIONS}/", "/api/v1/nothing"]
)
async def test_an_unknown_path(api: Api, path: str) -> None:
    assert_problem(await api.get(path), 404, "no_such_path")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", RECOMMENDATIONS),
        ("DELETE", EVENTS),
        ("POST", "/api/v1/items/a/similar"),
        ("PUT", "/health"),
        ("BREW", EVENTS),
    ],
)
async def test_a_wrong_method(api: Api, method: str, path: str) -> None:
    response = await api.client.request(method, path, headers=api.key_of("acme"))
    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"]


async def test_an_unknown_item(api: Api) -> None:
    for response in (
        await api.get(f"/api/v1/items/{UNKNOWN_ITEM}/similar"),
        await api.post(RECOMMENDATIONS, {"item_id": UNKNOWN_ITEM}),
    ):
        body = assert_problem(response, 404, "item_not_found")
        assert body["detail"] == f"there is no item {UNKNOWN_ITEM}"


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        ({"events": []}, "invalid_request", 422),
        ({"events": 7}, "invalid_request", 422),
        ([], "invalid_request", 422),
        ({"events": [{}] * 10_001}, "invalid_request", 422),
    ],
)
async def test_what_is_no_batch_of_events(api: Api, body: Any, code: str, status: int) -> None:
    assert_problem(await api.post(EVENTS, body), status, code)


BROKEN = {
    "an error": lambda: problem(500, "internal_error", "bug"),
    "its own storage is away": lambda: problem(503, "feature_store_unavailable", "away"),
    "no problem at all": lambda: Response("<html>bad gateway</html>", status_code=502),
    "an unknown path": lambda: problem(404, "no_such_path", "Not Found"),
    "another shape": lambda: JSONResponse({"answer": 42}),
    "no JSON": lambda: Response("ok"),
    "another token": lambda: problem(401, "service_token_required", "token"),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
async def test_a_service_that_does_not_do_its_work_is_away(api: Api, answer: Any) -> None:
    api.ml_engine.answer_with = answer()
    response = await api.post(RECOMMENDATIONS, {"user_id": "42"})
    assert_problem(response, 503, "ml_engine_unavailable")
    assert int(response.headers["retry-after"]) > 0
    api.data_pipeline.answer_with = answer()
    response = await api.post(EVENTS, {"events": [1]})
    assert_problem(response, 503, "data_pipeline_unavailable")
    assert int(response.headers["retry-after"]) > 0
    warnings = [line for line in api.logs() if line["level"] == "WARNING"]
    assert [line["message"].partition(":")[0] for line in warnings] == [
        "ml_engine_unavailable",
        "data_pipeline_unavailable",
    ]
    assert await api.metric("errors_total", error_type="DependencyUnavailable") == 2


async def test_a_service_that_hangs_is_away(start: StartApi) -> None:
    async with start(ml_engine_timeout_seconds=0.05, data_pipeline_timeout_seconds=0.05) as api:
        api.ml_engine.hangs = api.data_pipeline.hangs = True
        response = await api.post(RECOMMENDATIONS, {"user_id": "42"})
        assert_problem(response, 503, "ml_engine_unavailable")
        response = await api.post(EVENTS, {"events": [1]})
        assert_problem(response, 503, "data_pipeline_unavailable")


async def test_the_services_own_conflicts_pass_through(api: Api) -> None:
    api.ml_engine.answer_with = problem(409, "no_model", "train a model first")
    response = await api.post(RECOMMENDATIONS, {"user_id": "42"})
    body = assert_problem(response, 409, "no_model")
    assert body["detail"] == "train a model first"
    assert await api.metric("errors_total") == 0


async def test_a_database_that_is_gone_is_a_503_and_known_keys_go_on(api: Api) -> None:
    assert (await api.post(RECOMMENDATIONS, {"user_id": "42"})).status_code == 200
    for path in (api.settings.data_dir / "backend-api").iterdir():
        # SQLite believes its shared memory, and would map all of the memory that garbage names.
        if not path.name.endswith("-shm"):
            path.write_bytes(b"no database any more" * 1_000)
    assert (await api.post(RECOMMENDATIONS, {"user_id": "42"})).status_code == 200
    response = await api.post(RECOMMENDATIONS, {"user_id": "42"}, headers=api.key_of("globex"))
    assert_problem(response, 503, "storage_unavailable")
    assert int(response.headers["retry-after"]) > 0
    assert "no database" not in response.text
