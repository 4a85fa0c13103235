"""Works through the queued imports, a chunk of each tenant in turn."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, Protocol

from backends.ports import PortUnavailable
from backends.stages import Stage, StageClock
from contracts.events import RejectedRecord
from contracts.imports import DataType
from data_pipeline.domain.import_ports import ErasedUsers, ImportQueue, Spool
from data_pipeline.domain.imports import (
    MAX_BEGINNINGS,
    Chunk,
    FileLost,
    Import,
    ImportFailed,
    InternalFault,
    Interrupted,
)
from data_pipeline.domain.records import Checked
from data_pipeline.extract.files.chunks import ChunkReader
from data_pipeline.extract.files.opening import open_file
from data_pipeline.services.intake import Intake

TENANTS_AT_ONCE: Final = 8
"""Of how many tenants a file is open; the others wait until one of these has none left."""

RETENTION_MS: Final = 30 * 86_400_000
"""How long a finished import is shown."""

PURGE_SECONDS: Final = 3_600.0
RETRY_SECONDS: Final = 1.0

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChunkReport:
    """What became of a chunk, and where the time went."""

    rows: int
    accepted: int
    rejected: Sequence[RejectedRecord]
    stages: Sequence[Stage]


class ImportObserver(Protocol):
    """Is told what happens to imports."""

    def began(self, entry: Import) -> None:
        """A file was opened, at its beginning or where an earlier stop left it."""
        ...

    def chunk(self, entry: Import) -> AbstractContextManager[Callable[[ChunkReport], None]]:
        """A chunk is worked on in this block, which hands its report over once it is stored."""
        ...

    def ended(self, entry: Import, failure: ImportFailed | None = None) -> None:
        """An import was completed, cancelled, or ended by a failure."""
        ...


class _Ended(Exception):
    """The import was cancelled meanwhile."""


@dataclass(slots=True)
class _OpenFile:
    """A file and the chunk that waits to be stored; `position` is where that one begins."""

    reader: ChunkReader
    position: int
    chunk: Chunk | None = None


class ImportWorker:
    """One per service. What it knows is saved with each chunk, so it can stop at any moment.

    A chunk's records, its counts and the position after it are stored in one transaction.
    """

    def __init__(
        self,
        queue: ImportQueue,
        spool: Spool,
        erased: ErasedUsers,
        intake: Intake,
        observer: ImportObserver,
        now_ms: Callable[[], int],
    ) -> None:
        self._queue = queue
        self._spool = spool
        self._erased = erased
        self._intake = intake
        self._observer = observer
        self._now_ms = now_ms
        self._arrived = asyncio.Event()
        self._files: dict[str, _OpenFile] = {}

    def wake(self) -> None:
        """There is a new import."""
        self._arrived.set()

    async def work(self) -> None:
        """Work until cancelled; whatever goes wrong with one import, the others go on."""
        purge_at_ms = 0
        while True:
            self._arrived.clear()
            try:
                if self._now_ms() >= purge_at_ms:
                    await self._purge()
                    purge_at_ms = self._now_ms() + round(PURGE_SECONDS * 1000)
                entries = await self._queue.waiting(TENANTS_AT_ONCE)
                self._close_all_but({entry.job.import_id for entry in entries})
                for entry in entries:
                    await self._turn(entry)
            except PortUnavailable as error:
                _LOG.warning("imports wait and are tried again: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                _LOG.exception("the worker of the imports stumbled and goes on")
                await asyncio.sleep(RETRY_SECONDS)
            else:
                if not entries:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._arrived.wait(), PURGE_SECONDS)

    def close(self) -> None:
        """Close the files, once `work` has ended."""
        self._close_all_but(set())

    async def _turn(self, entry: Import) -> None:
        """Take in one chunk of an import, or end it."""
        try:
            file = self._files.get(entry.job.import_id)
            if file is None or file.position != entry.position:
                entry = await self._begin(entry)
                file = await self._open(entry)
            await self._advance(entry, file)
        except _Ended:
            self._close(entry.job.import_id)
        except ImportFailed as failure:
            await self._end(entry.failed(failure, self._now_ms()), failure)
        except PortUnavailable:
            raise
        except Exception as error:
            _LOG.exception("import %s met an unexpected error", entry.job.import_id)
            failure = InternalFault(f"the service met an error of its own: {type(error).__name__}")
            await self._end(entry.failed(failure, self._now_ms()), failure)

    async def _begin(self, entry: Import) -> Import:
        if entry.beginnings >= MAX_BEGINNINGS:
            raise Interrupted(
                f"the service stopped {entry.beginnings} times at the same place of the file"
            )
        entry = entry.begun(self._now_ms())
        if not await self._queue.save(entry):
            raise _Ended
        return entry

    async def _open(self, entry: Import) -> _OpenFile:
        job = entry.job
        self._close(job.import_id)
        path = self._spool.path(job.import_id)
        try:
            reader = await asyncio.to_thread(
                open_file, path, job.data_type, job.format, entry.position
            )
        except FileNotFoundError:
            raise FileLost("the uploaded file is gone: send it again") from None
        file = self._files[job.import_id] = _OpenFile(reader, entry.position)
        self._observer.began(entry)
        return file

    async def _advance(self, entry: Import, file: _OpenFile) -> None:
        with self._observer.chunk(entry) as stored:
            clock = StageClock()
            if file.chunk is None:
                with clock.stage("extract"):
                    file.chunk = await asyncio.to_thread(file.reader.read)
            if file.chunk is not None:
                stored(await self._store(entry, file.chunk, clock))
                file.position, file.chunk = file.chunk.position, None
                return
        await self._end(entry.completed(self._now_ms()))

    async def _store(self, entry: Import, chunk: Chunk, clock: StageClock) -> ChunkReport:
        job = entry.job
        with clock.stage("transform"):
            checked = await self._intake.check(job.tenant_id, job.data_type, chunk.records)
        with clock.stage("load"):
            with clock.stage("store"):
                async with self._queue.together():
                    checked = await self._without_erased(entry, checked, len(chunk.records))
                    stored = await self._intake.store(job.tenant_id, job.data_type, checked.valid)
                    rejected = _by_row(chunk, checked.rejected)
                    after = entry.advanced(chunk, stored.accepted, stored.duplicates, rejected)
                    if not await self._queue.save(after):
                        raise _Ended
            with clock.stage("project"):
                await self._intake.follow(job.data_type, stored)
        return ChunkReport(chunk.rows, stored.accepted, rejected, clock.stages)

    async def _without_erased(
        self, entry: Import, checked: Checked[Any], records: int
    ) -> Checked[Any]:
        """Reject the records of users who were erased since the upload began."""
        job = entry.job
        if job.data_type is DataType.ITEMS:
            return checked
        users = {record.user_id for record in checked.valid}
        since_ms = round(job.created_at.timestamp() * 1000)
        erased = await self._erased.among(job.tenant_id, users, since_ms)
        if not erased:
            return checked
        faulty = {one.index for one in checked.rejected}
        places = (index for index in range(records) if index not in faulty)
        reason = "The user was erased after the upload of the file began."
        gone = [
            RejectedRecord(index=index, code="user_erased", reason=reason)
            for index, record in zip(places, checked.valid, strict=True)
            if record.user_id in erased
        ]
        kept = [record for record in checked.valid if record.user_id not in erased]
        return Checked(kept, [*checked.rejected, *gone])

    async def _end(self, entry: Import, failure: ImportFailed | None = None) -> None:
        if await self._queue.save(entry):
            self._observer.ended(entry, failure)
        self._close(entry.job.import_id)
        await self._spool.remove(entry.job.import_id)

    async def _purge(self) -> None:
        before_ms = self._now_ms() - RETENTION_MS
        await self._queue.purge(before_ms)
        await self._erased.purge(before_ms)

    def _close_all_but(self, import_ids: set[str]) -> None:
        for import_id in self._files.keys() - import_ids:
            self._close(import_id)

    def _close(self, import_id: str) -> None:
        file = self._files.pop(import_id, None)
        if file is not None:
            file.reader.close()


def _by_row(chunk: Chunk, rejected: Sequence[RejectedRecord]) -> list[RejectedRecord]:
    """All rejections of a chunk by their row, in its order."""
    of_records = (one.model_copy(update={"index": chunk.indexes[one.index]}) for one in rejected)
    return sorted(chain(chunk.rejected, of_records), key=lambda one: one.index)
