"""Whatever fails or stops in the middle of a file, each row counts once."""

import asyncio
from typing import Any

import pytest
from tests.unit.data_pipeline.import_worker.pipeline import counts, event, opened, parts

from backends.ports import PortUnavailable
from contracts.imports import DataType, FileFormat, ImportStatus
from data_pipeline.domain.imports import MAX_BEGINNINGS, Import, RecordFile

pytestmark = pytest.mark.anyio


@pytest.mark.slow
async def test_whatever_fails_between_two_steps_each_row_counts_once(pipeline) -> None:
    """Each statement of the way fails once, before and after it took effect."""
    failures = iter(range(1_000))
    fail_at = -1

    def failing(call, *, after: bool):
        async def wrapped(*args: Any) -> Any:
            if not after and next(failures) == fail_at:
                raise PortUnavailable("before")
            answer = await call(*args)
            if after and next(failures) == fail_at:
                raise PortUnavailable("after")
            return answer

        return wrapped

    storage = pipeline.storage
    for owner, name in (
        (pipeline.intake, "load"),
        (storage.events, "store"),
        (storage.ledger, "record"),
        (storage.quarantine, "add"),
        (pipeline.queue, "save"),
        (pipeline.erased, "marks"),
    ):
        original = getattr(owner, name)
        setattr(owner, name, failing(failing(original, after=False), after=True))
    for fail_at in range(1_000):
        failures = iter(range(1_000))
        first = 100 * fail_at
        rows = [*(event(first + n) for n in range(9)), {"event_id": "bad"}]
        import_id = await pipeline.upload(rows)
        async with pipeline.working():
            job = await pipeline.finished(import_id)
        assert (job.status, *counts(job)) == (ImportStatus.COMPLETED, 10, 9, 0, 1)
        if next(failures) <= fail_at:
            break
    assert 20 < fail_at < 999
    assert await storage.ledger.imbalances() == []


async def test_a_stop_at_any_chunk_is_gone_on_from(pipeline, tmp_path) -> None:
    import_id = await pipeline.upload([event(n) for n in range(10)])
    stops = 0
    job = await pipeline.imports.find("acme", import_id)
    while job.status is not ImportStatus.COMPLETED:
        started = asyncio.Event()
        pipeline.recorder.on_chunk = lambda _, started=started: started.set()
        async with pipeline.working():
            await started.wait()
        stops += 1
        assert stops < 50
        await pipeline.close()
        pipeline = await opened(tmp_path)
        before, job = job, await pipeline.imports.find("acme", import_id)
        assert job.rows >= before.rows
        if job.rows == before.rows and job.status is ImportStatus.RUNNING:
            # A stop before anything was stored counts as a beginning in vain.
            async with pipeline.working():
                job = await pipeline.finished(import_id)
    assert counts(job) == (10, 10, 0, 0)
    assert await pipeline.stored() == [f"i{n:03d}" for n in range(10)]
    await pipeline.close()


async def test_a_file_on_which_the_service_dies_again_and_again_is_given_up(pipeline) -> None:
    import_id = await pipeline.upload([event(1)])
    [entry] = await pipeline.held.look()
    for _ in range(MAX_BEGINNINGS):
        entry = entry.begun(1)
        await pipeline.held.save(entry)
    async with pipeline.working():
        job = await pipeline.finished(import_id)
    assert job.status is ImportStatus.FAILED
    assert "stopped 3 times" in job.error
    assert ("interrupted", "acme") in pipeline.recorder.told


async def test_a_fault_of_our_own_ends_one_import_and_no_other(pipeline) -> None:
    def stumble(entry: Import) -> None:
        if entry.job.tenant_id == "bad":
            raise ZeroDivisionError

    pipeline.recorder.on_chunk = stumble
    bad = await pipeline.upload([event(1)], "bad")
    good = await pipeline.upload([event(1)], "good")
    async with pipeline.working():
        assert (await pipeline.finished(good, "good")).status is ImportStatus.COMPLETED
        job = await pipeline.finished(bad, "bad")
        await pipeline.cleared()
    assert job.error is not None
    assert "ZeroDivisionError" in job.error


async def test_a_lost_file_ends_its_import(pipeline) -> None:
    import_id = await pipeline.upload([event(1)])
    await pipeline.spool.remove(import_id)
    async with pipeline.working():
        job = await pipeline.finished(import_id)
    assert "the uploaded file is gone" in job.error
    assert "nothing of the file was taken in" in job.error


async def test_a_broken_file_fails_in_words(pipeline) -> None:
    file = RecordFile(DataType.EVENTS, FileFormat.CSV, {})
    job = await pipeline.imports.start("acme", file, parts(b"a;b\n1;2\n"), {})
    async with pipeline.working():
        job = await pipeline.finished(job.import_id)
        await pipeline.cleared()
    assert job.status is ImportStatus.FAILED
    assert "is no field of an event" in job.error
    assert "nothing of the file was taken in" in job.error
    assert job.started_at is not None
    assert ("broken_file", "acme") in pipeline.recorder.told


async def test_a_cancelled_import_ends_between_two_chunks(pipeline) -> None:
    import_id = await pipeline.upload([event(n) for n in range(20)])
    chunk = asyncio.Event()
    pipeline.recorder.on_chunk = lambda entry: chunk.set() if entry.job.rows else None
    async with pipeline.working():
        await chunk.wait()
        job = await pipeline.imports.cancel("acme", import_id)
        assert job.status is ImportStatus.CANCELLED
        # Another import shows that the worker has gone past it.
        other = await pipeline.upload([event(100)], "other")
        await pipeline.finished(other, "other")
        await pipeline.cleared()
    job = await pipeline.imports.find("acme", import_id)
    assert 4 <= job.rows < 20
    assert len(await pipeline.stored()) == job.accepted == job.rows
