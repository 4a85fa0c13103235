"""The worker takes files in, chunk by chunk, and counts each row once whatever happens."""

import asyncio
import gzip
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from backends.ports import PortUnavailable
from contracts.imports import DataType, FileFormat, ImportJob, ImportRequest, ImportStatus
from data_pipeline.adapters.file_sources import ObjectSources
from data_pipeline.bootstrap.background import in_background
from data_pipeline.bootstrap.services import Core, open_core
from data_pipeline.bootstrap.storage import Storage, open_storage
from data_pipeline.domain.accounting import QuarantineQuery
from data_pipeline.domain.imports import (
    MAX_BEGINNINGS,
    Import,
    ImportFailed,
    RecordFile,
    SourceNotAllowed,
    UnknownFormat,
    erasure_mark,
)
from data_pipeline.domain.records import EventFilter
from data_pipeline.extract.files import chunks
from data_pipeline.services import import_worker
from data_pipeline.services.import_worker import ChunkReport, ImportWorker
from data_pipeline.services.imports import Imports
from data_pipeline.settings import Settings
from instrumentation.telemetry import start_telemetry

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

    def __init__(self, folder: Path, storage: Storage, core: Core, stack: AsyncExitStack) -> None:
        self.stack = stack
        self.storage, self.core = storage, core
        self.now_ms = 1_750_000_000_000
        self.intake = core.intake
        self.intake._now_ms = self.clock
        self.queue, self.erased, self.spool = storage.import_queue, storage.erased, storage.spool
        self.folder = folder / "files"
        self.folder.mkdir(exist_ok=True)
        self.sources = ObjectSources((), str(self.folder), 1_000_000)
        self.recorder = Recorder()
        self.worker = ImportWorker(
            self.queue,
            self.spool,
            self.sources,
            self.erased,
            self.intake,
            self.recorder,
            self.clock,
        )
        self.imports = Imports(
            storage.import_book,
            self.queue,
            self.spool,
            self.sources,
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
        file = RecordFile(data_type, FileFormat.JSONL, {})
        job = await self.imports.start(tenant, file, parts(jsonl(rows)), {})
        return job.import_id

    async def from_file(self, name: str, content: bytes, **changes: Any) -> str:
        (self.folder / name).write_bytes(content)
        request = ImportRequest(
            source_url=(self.folder / name).as_uri(), data_type=DataType.EVENTS, **changes
        )
        return (await self.imports.start_from_url("acme", request, {})).import_id

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None]:
        async with in_background(self.worker.work, "imports"):
            yield
        await self.worker.close()

    async def finished(self, import_id: str, tenant: str = "acme") -> ImportJob:
        while (job := await self.imports.find(tenant, import_id)).status not in ENDED:
            await asyncio.sleep(0.001)
        return job

    async def cleared(self) -> None:
        """Wait until no file is left, which is a moment after the last job is over."""
        while spooled(self):
            await asyncio.sleep(0.001)

    async def stored(self, tenant: str = "acme") -> list[str]:
        found: list[str] = []
        async for batch in self.storage.events.scan(tenant, ["item_id"], EventFilter()):
            found += batch.column("item_id").to_pylist()
        return sorted(found)

    async def quarantined(self) -> list[tuple[int, str, bytes]]:
        page = await self.storage.quarantine.page("acme", QuarantineQuery(1_000))
        return sorted((entry.place, entry.code, entry.raw) for entry in page)

    async def close(self) -> None:
        await self.stack.aclose()


async def opened(folder: Path) -> Pipeline:
    stack = AsyncExitStack()
    settings = Settings(data_dir=folder, service_token="a" * 16)
    telemetry = start_telemetry(settings, "data-pipeline")
    stack.callback(telemetry.close)
    storage = await open_storage(settings, telemetry, stack)
    core = await open_core(storage, stack, lambda: 1_750_000_000_000)
    return Pipeline(folder, storage, core, stack)


def jsonl(rows: Sequence[Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


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
    monkeypatch.setattr(chunks, "COLUMNS", chunks.Limits(4, 1_000_000))
    monkeypatch.setattr(chunks, "OBJECTS", chunks.Limits(4, 1_000_000))
    monkeypatch.setattr(import_worker, "RETRY_SECONDS", 0.001)
    pipeline = await opened(tmp_path)
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
        await pipeline.cleared()
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
        await pipeline.cleared()
    assert job.error is not None
    assert "ZeroDivisionError" in job.error


async def test_a_lost_file_ends_its_import(pipeline) -> None:
    import_id = await pipeline.upload([event(1)])
    pipeline.spool.path(import_id).unlink()
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
    assert [(place, code) for place, code, raw in await pipeline.quarantined() if not raw] == [
        (1, "user_erased"),
        (1, "user_erased"),
        (5, "user_erased"),
    ]


async def test_a_damaged_row_of_an_erased_user_leaves_no_bytes(pipeline) -> None:
    rows = [event(1, value="x"), event(2, value="x"), event(4, value="x", note="of u1")]
    import_id = await pipeline.upload(rows)
    await pipeline.erased.mark("acme", ["u1"], pipeline.clock())
    async with pipeline.working():
        assert counts(await pipeline.finished(import_id)) == (3, 0, 0, 3)
    kept = {place: bool(raw) for place, _, raw in await pipeline.quarantined()}
    assert kept == {0: False, 1: True, 2: False}


async def test_an_erasure_while_a_chunk_is_on_its_way_has_it_done_again(pipeline) -> None:
    import_id = await pipeline.upload([event(n) for n in range(4)])
    original, loads = pipeline.storage.events.store, []

    async def store(staged: Any) -> Any:
        if not loads:
            # As another service would, between the look before and the look after.
            await pipeline.erased.mark("acme", ["u2"], pipeline.clock())
        loads.append(staged.new)
        return await original(staged)

    pipeline.storage.events.store = store
    async with pipeline.working():
        while not loads:
            await asyncio.sleep(0.001)
        await pipeline.erased.mark("acme", ["u2"], pipeline.clock())
        job = await pipeline.finished(import_id)
    assert counts(job) == (4, 3, 0, 1)
    assert await pipeline.stored() == ["i000", "i001", "i003"]


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
        while spooled(pipeline):
            await asyncio.sleep(0.001)


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
    await pipeline.imports.recover()
    async with pipeline.working():
        assert counts(await pipeline.finished(import_id)) == (9, 9, 0, 0)


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
    assert erasure_mark("acme", "u1") not in await pipeline.erased.marks("acme", 0)
