"""Imports without HTTP: the worker and the service around it, on the files of a folder."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from contracts.imports import DataType, FileFormat, ImportJob, ImportRequest, ImportStatus
from data_pipeline.adapters.file_sources import ObjectSources
from data_pipeline.bootstrap.background import in_background
from data_pipeline.bootstrap.services import Core, open_core
from data_pipeline.bootstrap.storage import Storage, open_storage
from data_pipeline.domain.accounting import QuarantineQuery
from data_pipeline.domain.imports import Import, ImportFailed, RecordFile
from data_pipeline.domain.records import EventFilter
from data_pipeline.services.held_imports import HeldImports
from data_pipeline.services.import_files import ImportFiles
from data_pipeline.services.import_worker import ChunkReport, ImportWorker
from data_pipeline.services.imports import Imports
from data_pipeline.settings import Settings
from instrumentation.telemetry import start_telemetry

REPLICA = "this"
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

    def left(self, entry: Import) -> None:
        self.told.append(("left", entry.job.tenant_id))

    def taken_up(self, entry: Import) -> None:
        self.told.append(("taken up", entry.job.tenant_id))

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
        self.claims = storage.import_claims
        self.held = HeldImports(self.claims, self.queue, REPLICA, self.recorder.taken_up)
        self.worker = ImportWorker(
            self.held,
            ImportFiles(self.spool, folder / "open", self.clock),
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
        while await self.spool.kept():
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


def counts(job: ImportJob) -> tuple[int, int, int, int]:
    return job.rows, job.accepted, job.duplicates, job.rejected
