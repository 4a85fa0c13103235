"""Bulk imports over HTTP."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.data_pipeline import DataPipelineClient
from contracts.imports import DataType, FileFormat, ImportStatus
from contracts.transport import Request, Response
from data_pipeline.services.imports import MAX_UNFINISHED

pytestmark = pytest.mark.anyio

IMPORTS = "/v1/tenants/acme/imports"


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"max_body_bytes": 1_024, "max_import_bytes": 100_000})


def spooled(settings) -> list[Path]:
    folders = (settings.imports() / "arriving", settings.imports() / "open", kept(settings))
    return [path for folder in folders if folder.exists() for path in folder.iterdir()]


def kept(settings) -> Path:
    """Where the files of unfinished imports are in the object store."""
    return Path(settings.objects().removeprefix("file://")) / "imports"


async def nothing_spooled(settings) -> None:
    """The file of an import goes a moment after the import has ended."""
    async with asyncio.timeout(30):
        while spooled(settings):
            await asyncio.sleep(0.005)


def jsonl(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


async def upload(
    client: httpx2.AsyncClient,
    content: bytes | AsyncIterator[bytes],
    data_type: str = "events",
    file_format: str = "jsonl",
    tenant: str = "acme",
) -> dict[str, Any]:
    answer = await client.post(
        f"/v1/tenants/{tenant}/imports",
        params={"data_type": data_type, "format": file_format},
        content=content,
    )
    assert answer.status_code == 202, answer.text
    return answer.json()


async def finished(client: httpx2.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    path = f"/v1/tenants/{job['tenant_id']}/imports/{job['import_id']}"
    while job["status"] in ("queued", "running"):
        await asyncio.sleep(0.005)
        answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        job = answer.json()
    return job


def counts(job: dict[str, Any]) -> tuple[int, int, int, int]:
    return job["rows"], job["accepted"], job["duplicates"], job["rejected"]


def parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


EVENT = {"event_id": "e1", "user_id": "u1", "item_id": "i1", "event_type": "rating", "value": 4.5}
FILES = {
    ("events", "jsonl"): jsonl({**EVENT, "timestamp": 1_700_000_000}, {"event_id": "bad"}),
    ("events", "csv"): (
        b"event_id,user_id,item_id,event_type,timestamp,value\n"
        b"e1,u1,i1,rating,2023-11-14T22:13:20Z,4.5\n"
        b"bad,,,,,\n"
    ),
    ("events", "parquet"): parquet(
        [{**EVENT, "timestamp": 1_700_000_000}, {"event_id": "bad", "timestamp": None}]
    ),
    ("items", "jsonl"): jsonl(
        {
            "item_id": "i1",
            "title": "Alien",
            "categories": ["Horror", "Space"],
            "year": 1979,
            "available": False,
            "location": {"latitude": 52.5, "longitude": 13.4},
            "attributes": {"price": 9.5},
        },
        {"item_id": ""},
    ),
    ("items", "csv"): (
        b"item_id,title,categories,year,available,location.latitude,location.longitude,"
        b"attributes.price\n"
        b"i1,Alien,Horror|Space,1979,false,52.5,13.4,9.5\n"
        b"i2,,,19x,,,,\n"
    ),
    ("items", "parquet"): parquet(
        [
            {
                "item_id": "i1",
                "title": "Alien",
                "categories": ["Horror", "Space"],
                "year": 1979,
                "available": False,
                "location": {"latitude": 52.5, "longitude": 13.4},
                "attributes": {"price": 9.5},
            },
            {"item_id": "i2", "year": 1_000_000},
        ]
    ),
    ("users", "jsonl"): jsonl({"user_id": "u1", "attributes": {"age": 7}}, []),
    ("users", "csv"): b"user_id,attributes.age\nu1,7\n,8\n",
    ("users", "parquet"): parquet(
        [{"user_id": "u1", "attributes": {"age": 7}}, {"user_id": None, "attributes": None}]
    ),
}


@pytest.mark.parametrize(("data_type", "file_format"), FILES)
async def test_each_format_stores_the_same_records(client, data_type, file_format) -> None:
    job = await upload(client, FILES[data_type, file_format], data_type, file_format)
    assert (job["status"], job["data_type"], job["format"]) == ("queued", data_type, file_format)
    assert job["bytes"] == len(FILES[data_type, file_format])
    job = await finished(client, job)
    assert (job["status"], job["error"]) == ("completed", None)
    assert counts(job) == (2, 1, 0, 1)
    assert [one["index"] for one in job["first_rejections"]] == [1]
    record = data_type[0] + "1" if data_type != "events" else "e1"
    stored = (await client.get(f"/v1/tenants/acme/{data_type}/{record}")).json()
    if data_type == "events":
        assert {name: stored[name] for name in EVENT} == EVENT
        assert stored["timestamp"] == "2023-11-14T22:13:20Z"
    elif data_type == "items":
        assert stored["categories"] == ["Horror", "Space"]
        assert (stored["title"], stored["year"], stored["available"]) == ("Alien", 1979, False)
        assert stored["location"] == {"latitude": 52.5, "longitude": 13.4}
        assert stored["attributes"] == {"price": 9.5}
    else:
        assert stored["attributes"] == {"age": 7}


async def test_imported_events_are_in_the_history(client, event) -> None:
    rows = jsonl(event("a", item_id="first"), event("b", item_id="second"))
    await finished(client, await upload(client, rows))
    answer = await client.get("/v1/tenants/acme/users/u1/history")
    assert [one["item_id"] for one in answer.json()["events"]] == ["first", "second"]


@pytest.mark.parametrize(
    ("file_format", "content", "words"),
    [
        ("csv", b"a;b\n", "is no field of an event"),
        ("csv", b"\n", "no header"),
        ("parquet", b"event_id\ne1\n", "cannot be read as Parquet"),
    ],
)
async def test_a_broken_file_fails_in_words(client, settings, file_format, content, words) -> None:
    job = await finished(client, await upload(client, content, "events", file_format))
    assert job["status"] == "failed"
    assert words in job["error"]
    await nothing_spooled(settings)
    metrics = (await client.get("/metrics")).text
    assert 'etl_job_failures_total{job_name="import",reason="broken_file"} 1.0' in metrics


@pytest.mark.parametrize("announced", [True, False])
async def test_a_file_over_the_limit_is_refused_and_not_kept(client, settings, announced) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 10_000

    content = b"x" * 110_000 if announced else parts()
    answer = await client.post(
        IMPORTS, params={"data_type": "events", "format": "jsonl"}, content=content
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert spooled(settings) == []
    assert (await client.get(IMPORTS)).json() == {"data": [], "next_cursor": None}


async def test_a_file_of_the_whole_limit_is_taken_and_a_batch_of_it_is_not(client) -> None:
    assert (await upload(client, b"\n" * 100_000))["bytes"] == 100_000
    answer = await client.post("/v1/tenants/acme/events", content=b" " * 1_025)
    assert answer.status_code == 413


async def test_an_empty_file_is_refused(client, settings) -> None:
    answer = await client.post(IMPORTS, params={"data_type": "events", "format": "csv"})
    assert (answer.status_code, answer.json()["code"]) == (422, "empty_file")
    assert spooled(settings) == []


@pytest.mark.parametrize(
    "query", ["", "?data_type=events", "?data_type=events&format=xml", "?data_type=x&format=csv"]
)
async def test_an_unknown_type_or_format_is_refused_before_the_file_is_read(client, query) -> None:
    answer = await client.post(IMPORTS + query, content=b"x")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_lists_come_in_pages_newest_first(client) -> None:
    ids = []
    for _ in range(3):
        job = await upload(client, b"{}\n")
        ids.append(job["import_id"])
        await finished(client, job)
    await upload(client, b"{}\n", tenant="other")
    first = (await client.get(IMPORTS, params={"limit": 2})).json()
    second = (await client.get(IMPORTS, params={"cursor": first["next_cursor"]})).json()
    found = [job["import_id"] for job in first["data"] + second["data"]]
    assert len(first["data"]) == 2
    assert second["next_cursor"] is None
    # Within a millisecond the order is any.
    assert (sorted(found), found) == (sorted(ids), sorted(ids, reverse=True))
    answer = await client.get(IMPORTS, params={"cursor": "x/y"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


async def test_another_tenants_import_is_not_found(client) -> None:
    job = await finished(client, await upload(client, b"{}\n"))
    path = f"/v1/tenants/other/imports/{job['import_id']}"
    for answer in (await client.get(path), await client.post(f"{path}/cancel")):
        assert (answer.status_code, answer.json()["code"]) == (404, "import_not_found")


async def test_what_is_finished_cannot_be_cancelled(client) -> None:
    job = await finished(client, await upload(client, b"{}\n"))
    answer = await client.post(f"{IMPORTS}/{job['import_id']}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "import_finished")


async def test_a_tenant_has_so_many_imports_at_once(client, settings) -> None:
    waiting = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"{}\n"
        await waiting.wait()

    uploads = [asyncio.create_task(upload(client, slow())) for _ in range(MAX_UNFINISHED)]
    while len(spooled(settings)) < MAX_UNFINISHED:
        await asyncio.sleep(0.005)
    params = {"data_type": "events", "format": "jsonl"}
    answer = await client.post(IMPORTS, params=params, content=b"{}\n")
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_imports")
    assert int(answer.headers["retry-after"]) > 0
    await upload(client, b"{}\n", tenant="other")
    waiting.set()
    for job in await asyncio.gather(*uploads):
        await finished(client, job)
    await upload(client, b"{}\n")


async def test_an_erasure_keeps_a_waiting_file_from_bringing_the_user_back(serve, event) -> None:
    # The clock of these tests stands still, so the file counts as one from before the erasure.
    async with serve() as client:
        assert (await client.delete("/v1/tenants/acme/users/u1")).status_code == 200
        rows = jsonl(event("a"), event("b", user_id="u2"))
        job = await finished(client, await upload(client, rows))
        assert counts(job) == (2, 1, 0, 1)
        assert job["first_rejections"][0]["code"] == "user_erased"
        assert (await client.get("/v1/tenants/acme/events/a")).status_code == 404


async def test_imports_that_are_queued_at_a_start_are_taken_in(
    serve, settings, monkeypatch
) -> None:
    from data_pipeline.services.import_worker import ImportWorker  # noqa: PLC0415

    async def idle(_: ImportWorker) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(ImportWorker, "work", idle)
        async with serve() as client:
            job = await upload(client, FILES["events", "csv"], "events", "csv")
            assert (await client.get(f"{IMPORTS}/{job['import_id']}")).json()["status"] == "queued"
    (settings.imports() / "arriving" / "stray").write_bytes(b"of an upload that a crash cut off")
    async with serve() as client:
        assert not (settings.imports() / "arriving" / "stray").exists()
        assert counts(await finished(client, job)) == (2, 1, 0, 1)
        await nothing_spooled(settings)


async def test_metrics_and_lines_tell_of_an_import(capsys, serve) -> None:
    async with serve() as client:
        await finished(client, await upload(client, FILES["events", "csv"], "events", "csv"))
        metrics = (await client.get("/metrics")).text
    for series in (
        'data_ingestion_records_total{data_type="events",tenant_id="acme"} 1.0',
        'data_validation_errors_total{error_type="missing_field",tenant_id="acme"} 1.0',
        'etl_records_processed_total{job_name="import",source="events"} 2.0',
        'etl_job_duration_seconds_count{job_name="import"} 1.0',
        'data_pipeline_duration_seconds_count{stage="transform",tenant_id="acme"} 1.0',
    ):
        assert series in metrics
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    started, ended = [line for line in lines if line["category"] == "business"]
    assert (started["message"], ended["message"]) == ("import started", "import completed")
    assert started["tenant_id"] == ended["tenant_id"] == "acme"
    assert started["trace_id"] == ended["trace_id"] != "0" * 32
    assert (ended["rows"], ended["accepted"], ended["rejected"]) == (2, 1, 1)


async def test_the_typed_client_streams_a_file_and_reads_every_answer(client) -> None:
    class OverAsgi:
        async def send(self, request: Request) -> Response:
            answer = await client.request(request.method, request.path, content=request.content)
            return Response(answer.status_code, answer.content, dict(answer.headers))

        async def close(self) -> None: ...

    async def parts() -> AsyncIterator[bytes]:
        for n in range(0, len(FILES["users", "csv"]), 5):
            yield FILES["users", "csv"][n : n + 5]

    pipeline = DataPipelineClient(OverAsgi(), "ignored")
    job = await pipeline.start_import("acme", DataType.USERS, FileFormat.CSV, parts())
    while job.status not in (ImportStatus.COMPLETED, ImportStatus.FAILED):
        job = await pipeline.import_job("acme", job.import_id)
    assert (job.accepted, job.rejected) == (1, 1)
    assert (await pipeline.import_jobs("acme", limit=10)).data == [job]
