"""Imports fetch files from a real S3, and the service keeps its objects there."""

import asyncio
import gzip
from collections.abc import Generator
from typing import Any
from urllib.parse import quote

import httpx2
import obstore
import pytest
from obstore.store import from_url
from tests.s3_server import BUCKET, S3Server

pytestmark = pytest.mark.anyio

RECOVERY_SECONDS = 10.0
TENANT = "/v1/tenants/acme"
CSV = b"event_id,user_id,item_id,event_type,timestamp\n" + b"".join(
    b"e%d,u%d,i1,view,1700000000\n" % (n, n % 7) for n in range(50_000)
)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Generator[S3Server]:
    server = S3Server()
    for name, value in server.settings.items():
        monkeypatch.setenv(name, value)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def settings(settings: Any, s3: S3Server) -> Any:
    return settings.model_copy(
        update={"object_store_url": s3.url, "import_buckets": f"{BUCKET}/exports/{{tenant}}/"}
    )


async def imported(client: httpx2.AsyncClient, key: str) -> dict[str, Any]:
    """The job of a file of the bucket once it is over."""
    body = {"source_url": f"s3://{BUCKET}/{quote(key)}", "data_type": "events"}
    job = (await client.post(f"{TENANT}/imports", json=body)).raise_for_status().json()
    while job["status"] in ("queued", "running"):
        await asyncio.sleep(0.01)
        job = (await client.get(f"{TENANT}/imports/{job['import_id']}")).json()
    return job


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "rows of today.csv"])
async def test_a_file_of_an_allowed_bucket_is_imported(
    s3: S3Server, client: httpx2.AsyncClient, name: str
) -> None:
    content = gzip.compress(CSV) if name.endswith(".gz") else CSV
    await obstore.put_async(from_url(s3.url), f"exports/acme/{name}", content)
    job = await imported(client, f"exports/acme/{name}")
    assert (job["status"], job["error"], job["accepted"]) == ("completed", None, 50_000)
    chunks = [one async for one in from_url(s3.url).list("events/acme/")]
    assert sum(len(chunk) for chunk in chunks) > 0


async def test_a_file_that_is_not_there_is_told_in_words(client: httpx2.AsyncClient) -> None:
    job = await imported(client, "exports/acme/absent.csv")
    assert job["status"] == "failed"
    assert job["error"] == "there is no such file at the source; nothing of the file was taken in"


async def test_the_folder_of_another_tenant_is_refused(client: httpx2.AsyncClient) -> None:
    body = {"source_url": f"s3://{BUCKET}/exports/other/rows.csv", "data_type": "events"}
    answer = await client.post(f"{TENANT}/imports", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "source_not_allowed")


async def test_events_come_in_while_the_object_store_is_away(
    s3: S3Server, client: httpx2.AsyncClient, event: Any
) -> None:
    s3.stop()
    health = (await client.get("/health")).json()
    failing = [one["name"] for one in health["checks"] if one["status"] == "failed"]
    assert (health["status"], failing) == ("degraded", ["object_store"])
    assert (await client.get("/health/ready")).status_code == 200
    answer = await client.post(f"{TENANT}/events", json={"events": [event()]})
    assert answer.json()["accepted"] == 1
    listed = (await client.get(f"{TENANT}/events")).json()["data"]
    assert [one["event_id"] for one in listed] == ["e1"]


async def test_an_outage_under_traffic_loses_nothing_and_is_over_within_seconds(
    s3: S3Server, client: httpx2.AsyncClient, event: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    imports = f"{TENANT}/imports"
    form = {"data_type": "events", "format": "csv"}
    job = (await client.post(imports, params=form, content=CSV)).json()
    s3.stop()
    refused = asyncio.create_task(client.post(imports, params=form, content=CSV))
    sent = 0
    while not refused.done():
        answer = await client.post(f"{TENANT}/events", json={"events": [event(f"live{sent}")]})
        assert answer.json()["accepted"] == 1
        sent += 1
    assert ((await refused).status_code, (await refused).json()["code"]) == (
        503,
        "store_unavailable",
    )
    assert (await refused).headers["retry-after"]
    job = (await client.get(f"{imports}/{job['import_id']}")).json()
    assert job["status"] in ("queued", "running")
    health = (await client.get("/health")).text
    s3.start()
    async with asyncio.timeout(RECOVERY_SECONDS):
        while (await client.get(f"{imports}/{job['import_id']}")).json()["status"] != "completed":
            await asyncio.sleep(0.02)
    job = (await client.get(f"{imports}/{job['import_id']}")).json()
    assert (job["rows"], job["accepted"], job["duplicates"]) == (50_000, 50_000, 0)
    books = (await client.get(f"{TENANT}/accounting")).json()
    assert (books["balanced"], books["totals"]["loaded"]) == (True, 50_000 + sent)
    assert (await client.get(imports)).json()["data"] == [job]
    said = capsys.readouterr()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        for told in (said.out, said.err, health):
            assert s3.settings[name] not in told
