"""Bulk imports are streamed through, never held whole."""

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
from tests.integration.backend_api.conftest import Api, StartApi

from web.problems import problem

pytestmark = pytest.mark.anyio
PATH = "/api/v1/imports?data_type=items&format=jsonl"
NDJSON = {"content-type": "application/x-ndjson"}


async def test_a_file_goes_on_as_it_came(api: Api) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"item_id": "a"}\n'
        yield b'{"item_id": "b"}\n'

    headers = {**api.key_of("acme"), **NDJSON}
    response = await api.client.post(PATH, content=chunks(), headers=headers)
    assert response.status_code == 202
    job = response.json()
    assert (job["data_type"], job["format"], job["bytes"]) == ("items", "jsonl", 34)
    assert api.data_pipeline.uploaded == [b'{"item_id": "a"}\n{"item_id": "b"}\n']
    shown = await api.send("GET", f"/imports/{job['import_id']}")
    assert shown.json() == job
    listed = await api.send("GET", "/imports")
    assert [row["import_id"] for row in listed.json()["data"]] == [job["import_id"]]
    cancelled = await api.send("POST", f"/imports/{job['import_id']}/cancel")
    assert cancelled.status_code == 200
    foreign = await api.send("GET", f"/imports/{job['import_id']}", by="globex")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "import_not_found")


async def test_a_file_may_be_larger_than_other_bodies_up_to_its_own_limit(start: StartApi) -> None:
    async with start(max_body_bytes=1_024, max_import_bytes=4_096) as api:
        headers = {**api.key_of("acme"), **NDJSON}
        fits = await api.client.post(PATH, content=b"x" * 4_096, headers=headers)
        assert fits.status_code == 202
        large = await api.client.post(PATH, content=b"x" * 4_097, headers=headers)
        assert (large.status_code, large.json()["code"]) == (413, "body_too_large")

        async def unannounced() -> AsyncIterator[bytes]:
            for _ in range(5):
                yield b"x" * 1_000

        large = await api.client.post(PATH, content=unannounced(), headers=headers)
        assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
        assert await api.metric("circuit_breaker_state", dependency="data_pipeline") == 0


@pytest.mark.parametrize(
    ("file_format", "declared", "status"),
    [
        ("jsonl", "application/x-ndjson; charset=utf-8", 202),
        ("csv", "text/csv", 202),
        ("parquet", "application/vnd.apache.parquet", 202),
        ("csv", "application/x-ndjson", 415),
        ("jsonl", "application/octet-stream", 415),
        ("jsonl", "", 415),
    ],
)
async def test_the_content_type_must_fit_the_format(
    api: Api, file_format: str, declared: str, status: int
) -> None:
    path = f"/imports?data_type=users&format={file_format}"
    response = await api.send("POST", path, {}, content_type=declared)
    assert response.status_code == status


async def test_too_many_imports_are_the_callers_to_wait_for(api: Api) -> None:
    api.data_pipeline.answer_with = problem(429, "too_many_imports", "as many wait as may wait")
    for _ in range(6):
        path = PATH.removeprefix("/api/v1")
        response = await api.send("POST", path, {}, content_type="application/x-ndjson")
        assert (response.status_code, response.json()["code"]) == (429, "too_many_imports")
        assert int(response.headers["retry-after"]) > 0


async def test_a_file_that_the_job_fetches_is_named_by_its_url(api: Api) -> None:
    wanted = {"source_url": "s3://b/items.csv", "data_type": "items", "mapping": {"a": "title"}}
    response = await api.send("POST", "/imports", wanted)
    assert response.status_code == 202, response.text
    job = response.json()
    assert (job["source_url"], job["mapping"]) == ("s3://b/items.csv", {"a": "title"})
    refused = await api.send("POST", "/imports", {**wanted, "source_url": "http://x/y"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")


async def test_the_columns_of_an_upload_are_mapped_by_a_parameter(api: Api) -> None:
    path = PATH.removeprefix("/api/v1") + "&mapping=" + quote('{"name": "title", "b": null}')
    response = await api.send("POST", path, {}, content_type="application/x-ndjson")
    assert response.json()["mapping"] == {"name": "title", "b": None}
    refused = await api.send("POST", PATH.removeprefix("/api/v1") + "&mapping=x", {})
    assert refused.status_code == 422


@pytest.mark.parametrize("query", ["", "?data_type=items", "?format=csv"])
async def test_an_upload_says_what_it_is(api: Api, query: str) -> None:
    response = await api.send("POST", f"/imports{query}", {}, content_type="text/csv")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_back_pressure_is_passed_on(api: Api) -> None:
    api.data_pipeline.answer_with = problem(429, "too_many_batches", "send it again in a second")
    for _ in range(6):
        response = await api.send("POST", "/events", {"events": [{}]})
        assert (response.status_code, response.json()["code"]) == (429, "too_many_batches")
        assert response.headers["retry-after"] == "1"
    assert await api.metric("circuit_breaker_state", dependency="data_pipeline") == 0
