"""The worker takes files in, chunk by chunk, and counts each row once whatever happens."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from backends.database import migrate, open_engine
from backends.embedded.feature_schema import HISTORY_LENGTH
from backends.embedded.feature_writer import SqliteFeatureWriter
from backends.ports import PortUnavailable
from contracts.imports import DataType, FileFormat, ImportJob, ImportStatus
from data_pipeline.adapters.catalogue_log import SqlCatalogueLog
from data_pipeline.adapters.corrections import SqlCorrections
from data_pipeline.adapters.event_log import SqlEventLog
from data_pipeline.adapters.event_type_store import SqlEventTypeStore
from data_pipeline.adapters.import_book import SqlImportBook, SqlImportQueue
from data_pipeline.adapters.import_erasures import SqlErasedUsers
from data_pipeline.adapters.import_spool import FolderSpool
from data_pipeline.adapters.user_store import SqlUserStore
from data_pipeline.bootstrap import MIGRATIONS
from data_pipeline.domain.imports import MAX_BEGINNINGS, Import, ImportFailed
from data_pipeline.extract.files import chunks
from data_pipeline.load.projection import FeatureProjection
from data_pipeline.services import import_worker
from data_pipeline.services.event_types import EventTypes
from data_pipeline.services.import_worker import ChunkReport, ImportWorker
from data_pipeline.services.imports import Imports
from data_pipeline.services.intake import Intake

pytestmark = pytest.mark.anyio

ENDED = (ImportStatus.COMPLETED, ImportStatus.FAILED, ImportStatus.CANCELLED)


class Recorder:
    """What the worker told, in its order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.on_chunk: Callable[[Import], None] = lambda _: None

    def began(self, entry: Import) -> None:
        self.told.append(("began", entry.job.tenant_id))

    @contextmanager
    def chunk(self, entry: Import) -> Generator[Callable[[ChunkReport], None]]:
        self.on_chunk(entry)
        yield lambda report: self.told.append((f"chunk of {report.rows}", entry.job.tenant_id))

    def ended(self, entry: Import, failure: ImportFailed | None = None) -> None:
        words = failure.reason if failure else entry.job.status
        self.told.append((words, entry.job.tenant_id))


class Pipeline:
    """Imports without HTTP, on the files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.engine = open_engine(f"sqlite+aiosqlite:///{folder / 'events.db'}", 5)
        self.now_ms = 1_750_000_000_000
        events, users = SqlEventLog(self.engine), SqlUserStore(self.engine)
        catalogue = SqlCatalogueLog(self.engine)
        corrections = SqlCorrections(self.engine, HISTORY_LENGTH)
        self.writer = SqliteFeatureWriter(folder / "features.db")
        self.projection = FeatureProjection(events, catalogue, corrections, self.writer)
        event_types = EventTypes(SqlEventTypeStore(self.engine), self.projection)
        self.events = events
        self.intake = Intake(events, catalogue, users, event_types, self.projection, self.clock)
        self.queue = SqlImportQueue(self.engine)
        self.erased = SqlErasedUsers(self.engine)
        self.spool = FolderSpool(folder / "spool")
        self.recorder = Recorder()
        self.worker = ImportWorker(
            self.queue, self.spool, self.erased, self.intake, self.recorder, self.clock
        )
        self.imports = Imports(
            SqlImportBook(self.engine),
            self.queue,
            self.spool,
            self.worker.wake,
            self.recorder.ended,
            self.clock,
        )

    def clock(self) -> int:
        self.now_ms += 1
        return self.now_ms

    async def upload(
        self,
        rows: Sequence[Any],
        tenant: str = "acme",
        data_type: DataType = DataType.EVENTS,
    ) -> str:
        content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        job = await self.imports.start(tenant, data_type, FileFormat.JSONL, parts(content), {})
        return job.import_id

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None]:
        task = asyncio.create_task(self.worker.work())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self.worker.close()

    async def finished(self, import_id: str, tenant: str = "acme") -> ImportJob:
        while (job := await self.imports.find(tenant, import_id)).status not in ENDED:
            await asyncio.sleep(0.001)
        return job

    async def stored(self, tenant: str = "acme") -> list[str]:
        chunks = [chunk async for chunk in self.events.training_events(tenant, 1_000)]
        return sorted(row[2] for chunk in chunks for row in chunk)

    async def close(self) -> None:
        await self.projection.close()
        await self.writer.close()
        await self.engine.dispose()


async def parts(content: bytes) -> AsyncIterator[bytes]:
    yield content


def event(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{number}",
        "user_id": f"u{number % 3}",
        "item_id": f"i{number:03d}",
        "event_type": "view",
        "timestamp": 1_700_000_000 + number,
        **changes,
    }


@pytest.fixture
async def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Pipeline]:
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 4)
    monkeypatch.setattr(import_worker, "RETRY_SECONDS", 0.001)
    pipeline = Pipeline(tmp_path)
    await migrate(pipeline.engine, MIGRATIONS)
    yield pipeline
    await pipeline.close()


def spooled(pipeline: Pipeline) -> list[str]:
    return [path.name for path in pipeline.spool.path("x").parent.iterdir()]


def counts(job: ImportJob) -> tuple[int, int, int, int]:
    return job.rows, job.accepted, job.duplicates, job.rejected


async def test_rows_are_stored_counted_and_named_by_their_number_in_the_file(pipeline) -> None:
    rows = [event(n) for n in range(7)]
    rows[2:2] = [event(0), event(9, event_type="unheard"), "x"]
    rows += [event(20, timestamp="never")]
    import_id = await pipeline.upload(rows)
    async with pipeline.working():
        job = await pipeline.finished(import_id)
    assert job.status is ImportStatus.COMPLETED, job.error
    assert counts(job) == (11, 7, 1, 3)
    assert [(one.index, one.code) for one in job.first_rejections] == [
        (3, "unknown_event_type"),
        (4, "not_an_object"),
        (10, "invalid_timestamp"),
    ]
    assert job.progress == 1.0
    assert job.created_at < job.started_at < job.finished_at
    assert await pipeline.stored() == [f"i{n:03d}" for n in range(7)]
    assert spooled(pipeline) == []
    assert [what for what, _ in pipeline.recorder.told] == [
        "began",
        "chunk of 4",
        "chunk of 4",
        "chunk of 3",
        "completed",
    ]


async def test_only_the_first_rejections_are_named(pipeline) -> None:
    import_id = await pipeline.upload([event(n, value="x") for n in range(30)])
    async with pipeline.working():
        job = await pipeline.finished(import_id)
    assert counts(job) == (30, 0, 0, 30)
    assert [one.index for one in job.first_rejections] == list(range(20))


async def test_the_same_file_again_is_all_duplicates(pipeline) -> None:
    async with pipeline.working():
        for data_type, row in (
            (DataType.EVENTS, event(1)),
            (DataType.ITEMS, {"item_id": "i", "attributes": {"price": 1.5}}),
            (DataType.USERS, {"user_id": "u", "attributes": {"age": 3}}),
        ):
            for expected in ((1, 1, 0, 0), (1, 0, 1, 0)):
                import_id = await pipeline.upload([row], data_type=data_type)
                assert counts(await pipeline.finished(import_id)) == expected


async def test_tenants_take_turns_chunk_by_chunk(pipeline) -> None:
    for tenant, rows in (("a", 12), ("a", 4), ("b", 4), ("c", 8)):
        last = await pipeline.upload([event(n) for n in range(rows)], tenant)
    async with pipeline.working():
        await pipeline.finished(last, "c")
    turns = [tenant for what, tenant in pipeline.recorder.told if what.startswith("chunk")]
    assert turns[:6] == ["a", "b", "c", "a", "c", "a"]


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

    stores = [(pipeline.intake, "store"), (pipeline.queue, "save"), (pipeline.erased, "among")]
    for owner, name in stores:
        original = getattr(owner, name)
        setattr(owner, name, failing(failing(original, after=False), after=True))
    for fail_at in range(0, 30, 1):
        failures = iter(range(1_000))
        first = 100 * fail_at
        import_id = await pipeline.upload([event(first + n) for n in range(10)])
        async with pipeline.working():
            job = await pipeline.finished(import_id)
        assert (job.status, *counts(job)) == (ImportStatus.COMPLETED, 10, 10, 0, 0)


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
        pipeline = Pipeline(tmp_path)
        await pipeline.imports.recover()
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
    [entry] = await pipeline.queue.waiting(1)
    for _ in range(MAX_BEGINNINGS):
        entry = entry.begun(1)
        await pipeline.queue.save(entry)
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
    assert job.error is not None
    assert "ZeroDivisionError" in job.error
    assert spooled(pipeline) == []


async def test_a_lost_file_ends_its_import(pipeline) -> None:
    import_id = await pipeline.upload([event(1)])
    pipeline.spool.path(import_id).unlink()
    async with pipeline.working():
        job = await pipeline.finished(import_id)
    assert "the uploaded file is gone" in job.error
    assert "nothing of the file was taken in" in job.error


async def test_a_broken_file_fails_in_words_and_what_came_before_stays(pipeline) -> None:
    rows = b"".join(json.dumps(event(n)).encode() + b"\n" for n in range(6))
    job = await pipeline.imports.start(
        "acme", DataType.EVENTS, FileFormat.JSONL, parts(rows + b"\xff\n"), {}
    )
    async with pipeline.working():
        job = await pipeline.finished(job.import_id)
    assert job.status is ImportStatus.FAILED
    assert f"not UTF-8 at byte {len(rows)}" in job.error
    assert "the 6 rows before it were taken in and stay" in job.error
    assert counts(job) == (6, 6, 0, 0)
    assert job.started_at is not None
    assert len(await pipeline.stored()) == 6
    assert ("broken_file", "acme") in pipeline.recorder.told
    assert spooled(pipeline) == []


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
    job = await pipeline.imports.find("acme", import_id)
    assert 4 <= job.rows < 20
    assert len(await pipeline.stored()) == job.accepted == job.rows
    assert spooled(pipeline) == []


async def test_an_erased_user_is_not_brought_back_by_an_older_file(pipeline) -> None:
    rows = [event(n) for n in range(6)]
    import_id = await pipeline.upload([*rows[:2], {"bad": 1}, *rows[2:]])
    users = await pipeline.upload([{"user_id": f"u{n}"} for n in range(3)], "acme", DataType.USERS)
    await pipeline.erased.mark("acme", ["u1"], pipeline.clock())
    newer = await pipeline.upload([event(7)])
    other = await pipeline.upload([event(1)], "other")
    async with pipeline.working():
        job = await pipeline.finished(import_id)
        assert counts(job) == (7, 4, 0, 3)
        assert [(one.index, one.code) for one in job.first_rejections] == [
            (1, "user_erased"),
            (2, "missing_field"),
            (5, "user_erased"),
        ]
        assert counts(await pipeline.finished(users)) == (3, 2, 0, 1)
        assert counts(await pipeline.finished(newer)) == (1, 1, 0, 0)
        assert counts(await pipeline.finished(other, "other")) == (1, 1, 0, 0)


async def test_what_is_old_is_forgotten(pipeline, monkeypatch) -> None:
    async with pipeline.working():
        old = await pipeline.upload([event(1)])
        await pipeline.finished(old)
    pipeline.now_ms += import_worker.RETENTION_MS
    await pipeline.erased.mark("acme", ["u1"], 1)
    async with pipeline.working():
        await pipeline.finished(await pipeline.upload([event(2)]))
    assert [job.import_id for job in (await pipeline.imports.page("acme", None, 9)).data] != [old]
    assert len((await pipeline.imports.page("acme", None, 9)).data) == 1
    assert await pipeline.erased.among("acme", ["u1"], 0) == frozenset()
