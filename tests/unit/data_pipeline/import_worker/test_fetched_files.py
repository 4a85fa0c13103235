"""Files that are fetched by their URL, where the operator allows it."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
from tests.unit.data_pipeline.import_worker.pipeline import counts, event, jsonl

from contracts.imports import DataType, ImportRequest, ImportStatus
from data_pipeline.domain.imports import SourceNotAllowed, UnknownFormat

pytestmark = pytest.mark.anyio


async def test_a_file_by_its_url_is_fetched_and_decompressed(pipeline) -> None:
    rows = [event(n) for n in range(6)]
    import_id = await pipeline.from_file("rows.jsonl.gz", gzip.compress(jsonl(rows)))
    async with pipeline.working():
        job = await pipeline.finished(import_id)
        await pipeline.cleared()
    assert (job.status, job.source, job.error) == (ImportStatus.COMPLETED, "url", None)
    assert (counts(job), job.bytes) == ((6, 6, 0, 0), len(jsonl(rows)))


async def test_columns_are_mapped(pipeline) -> None:
    content = b"id,who,what,when\ne1,u1,i1,2023-11-14T22:13:20Z\n"
    mapping = {
        "id": "event_id",
        "who": "user_id",
        "what": "item_id",
        "when": "timestamp",
        "event_type": {"constant": "view"},
    }
    import_id = await pipeline.from_file("rows.csv", content, mapping=mapping)
    async with pipeline.working():
        job = await pipeline.finished(import_id)
    assert (job.error, counts(job)) == (None, (1, 1, 0, 0))


async def test_a_file_that_cannot_be_fetched_fails_in_words(pipeline) -> None:
    missing = await pipeline.from_file("gone.csv", b"x")
    (pipeline.folder / "gone.csv").unlink()
    large = await pipeline.from_file("large.csv", b"x" * 1_000_001)
    broken = await pipeline.from_file("broken.jsonl.gz", b"no gzip")
    async with pipeline.working():
        for import_id, words in (
            (missing, "no such file"),
            (large, "more than 1000000 bytes"),
            (broken, "cannot be read at its source"),
        ):
            job = await pipeline.finished(import_id)
            assert job.status is ImportStatus.FAILED
            assert words in job.error
        await pipeline.cleared()
    assert ("source_failed", "acme") in pipeline.recorder.told


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("s3://bucket/key.csv", SourceNotAllowed),
        ("file:///etc/passwd.csv", SourceNotAllowed),
        ("file://{folder}/../secret.csv", SourceNotAllowed),
        ("file://{folder}/link.csv", SourceNotAllowed),
        ("file://{folder}/rows.txt", UnknownFormat),
    ],
)
async def test_only_what_the_operator_allows_is_fetched(pipeline, url, refusal) -> None:
    (pipeline.folder / "link.csv").symlink_to("/etc/hostname")
    request = ImportRequest(
        source_url=url.format(folder=pipeline.folder), data_type=DataType.EVENTS
    )
    with pytest.raises(refusal):
        await pipeline.imports.start_from_url("acme", request, {})


async def test_an_import_can_be_cancelled_while_its_file_is_fetched(pipeline) -> None:
    fetching = asyncio.Event()

    async def read(*_: str) -> AsyncIterator[bytes]:
        yield b"{}\n"
        fetching.set()
        await asyncio.Event().wait()

    pipeline.sources.read = read
    import_id = await pipeline.from_file("rows.jsonl", b"")
    async with pipeline.working():
        await fetching.wait()
        assert (await pipeline.imports.cancel("acme", import_id)).status == "cancelled"
        await pipeline.cleared()


async def test_a_fetch_that_a_stop_cut_off_begins_anew(pipeline, tmp_path) -> None:
    content = jsonl([event(n) for n in range(9)])
    original, fetching = pipeline.sources.read, asyncio.Event()

    async def read(*_: str) -> AsyncIterator[bytes]:
        yield content[:50]
        fetching.set()
        await asyncio.Event().wait()

    pipeline.sources.read = read
    import_id = await pipeline.from_file("rows.jsonl", content)
    async with pipeline.working():
        await fetching.wait()
    pipeline.sources.read = original
    async with pipeline.working():
        assert counts(await pipeline.finished(import_id)) == (9, 9, 0, 0)
