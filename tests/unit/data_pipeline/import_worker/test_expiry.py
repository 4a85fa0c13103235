"""Old imports are forgotten, and files of no import are removed."""

import pytest
from tests.unit.data_pipeline.import_worker.pipeline import Pipeline, event, parts

from data_pipeline.services.import_expiry import RETENTION_MS, STRAY_MS, ImportExpiry

pytestmark = pytest.mark.anyio


async def test_what_is_old_is_forgotten(pipeline) -> None:
    async with pipeline.working():
        await pipeline.finished(await pipeline.upload([event(1)]))
    newer_ms = pipeline.now_ms + RETENTION_MS // 2
    await pipeline.erased.mark("acme", ["u1"], 1)
    pipeline.now_ms = newer_ms
    newer = await pipeline.upload([event(2)])
    pipeline.now_ms += RETENTION_MS // 2 + 1_000
    assert await expiry(pipeline).run() == {"imports": 1, "erasures": 1, "files": 0}
    [job] = (await pipeline.imports.page("acme", None, 9)).data
    assert job.import_id == newer
    assert await pipeline.erased.marks("acme", 0) == frozenset()


async def test_a_file_of_no_import_goes_once_it_was_seen_for_an_hour(pipeline) -> None:
    waiting = await pipeline.upload([event(1)])
    jobs = expiry(pipeline)
    await pipeline.spool.receive("stray", parts(b"of an upload that a crash cut off"))
    for passed_ms, files in ((0, 0), (STRAY_MS - 100, 0), (100, 1), (STRAY_MS, 0)):
        pipeline.now_ms += passed_ms
        assert (await jobs.run())["files"] == files
    assert await pipeline.spool.kept() == [waiting]


def expiry(pipeline: Pipeline) -> ImportExpiry:
    book = pipeline.storage.import_book
    return ImportExpiry(
        book, pipeline.queue, pipeline.erased, pipeline.spool, lambda: pipeline.now_ms
    )
