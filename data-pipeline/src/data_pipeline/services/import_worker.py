"""Works through the queued imports, a chunk of each tenant in turn."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from typing import Final, Protocol

from backends.ports import PortUnavailable
from backends.stages import Stage, StageClock
from backends.waiting import happened
from contracts.imports import DataType, ImportSource, ImportStatus
from data_pipeline.domain.deliveries import Rejected
from data_pipeline.domain.import_ports import ErasedUsers, FileSources
from data_pipeline.domain.imports import (
    MAX_BEGINNINGS,
    Chunk,
    Import,
    ImportFailed,
    InternalFault,
    Interrupted,
)
from data_pipeline.services.held_imports import HeldImports
from data_pipeline.services.import_fetches import ImportFetches
from data_pipeline.services.import_files import ImportFiles, OpenFile
from data_pipeline.services.intake import Intake, Loaded
from data_pipeline.transform.erased_users import without_erased

FOLLOWED_ROWS: Final = 100_000
FOLLOWING_SECONDS: Final = 1.0
"""How long an import waits for the features at its end: those of a file of so many rows are there
with it."""

LOOK_SECONDS: Final = 1.0
"""How often a replica without work looks for imports that came in elsewhere."""

RETRY_SECONDS: Final = 1.0

_ALL: Final = "all"
"""In the place of an import's id, what all of them wait for."""

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChunkReport:
    """What became of a chunk, and where the time went."""

    rows: int
    accepted: int
    rejected: Sequence[Rejected]
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

    def left(self, entry: Import) -> None:
        """An import was cancelled, here or elsewhere, or another replica goes on with it."""
        ...


class _Left(Exception):
    """The import was cancelled meanwhile, or another replica has it."""


class _ErasedMeanwhile(Exception):
    """A user was erased while a chunk was on its way: it must be looked through again."""


class ImportWorker:
    """One per replica. What it knows is saved with each chunk, so it can stop at any moment.

    A chunk's records, its counts and the position after it are stored in one transaction, by who
    holds the import.
    """

    def __init__(
        self,
        held: HeldImports,
        files: ImportFiles,
        sources: FileSources,
        erased: ErasedUsers,
        intake: Intake,
        observer: ImportObserver,
        now_ms: Callable[[], int],
    ) -> None:
        self._held = held
        self._files = files
        self._erased = erased
        self._intake = intake
        self._observer = observer
        self._now_ms = now_ms
        self._arrived = asyncio.Event()
        self._fetches = ImportFetches(sources, files.spool, self.wake)
        self._waiting: dict[str, str] = {}

    def wake(self) -> None:
        """There is a new import, a file has come, or an import was cancelled."""
        self._arrived.set()

    async def work(self) -> None:
        """Work until cancelled; whatever goes wrong with one import, the others go on."""
        keeping = asyncio.create_task(self._held.keep())
        try:
            await self._work()
        finally:
            keeping.cancel()

    async def _work(self) -> None:
        while True:
            self._arrived.clear()
            try:
                pause = await self._round()
            except PortUnavailable as error:
                _LOG.warning("imports wait and are tried again: %s", error)
                self._waiting[_ALL] = str(error)
                pause = RETRY_SECONDS
            except Exception:
                _LOG.exception("the worker of the imports stumbled and goes on")
                pause = RETRY_SECONDS
            if pause:
                await happened(self._arrived, within=pause)

    async def check(self) -> None:
        """Raise `PortUnavailable` while imports cannot go on."""
        if self._waiting:
            reasons = "; ".join(sorted(set(self._waiting.values())))
            raise PortUnavailable(f"imports wait and are tried again: {reasons}")

    async def close(self) -> None:
        """Close the files, once `work` has ended, and let others go on with the imports.

        Fetches start again there, or with the next start.
        """
        await self._fetches.stop_all_but(())
        await self._files.close_all_but(())
        with suppress(PortUnavailable):
            await self._held.release()

    async def _round(self) -> float:
        """One turn of each held import; how many seconds to wait for the next round."""
        entries = await self._held.look()
        unfinished = {entry.job.import_id for entry in entries}
        self._waiting = {one: why for one, why in self._waiting.items() if one in unfinished}
        await self._fetches.stop_all_but(unfinished)
        for left in await self._files.close_all_but(unfinished):
            self._observer.left(left)
        return min([await self._turn(entry) for entry in entries], default=LOOK_SECONDS)

    async def _turn(self, entry: Import) -> float:
        """Take in one chunk of an import, or end it; the seconds that it needs until the next."""
        import_id = entry.job.import_id
        try:
            pause = await self._step(entry)
        except PortUnavailable as error:
            _LOG.warning("import %s waits and is tried again: %s", import_id, error)
            self._waiting[import_id] = str(error)
            return RETRY_SECONDS
        except _ErasedMeanwhile:
            return 0.0
        except _Left:
            await self._files.close(import_id)
            self._observer.left(entry)
            return 0.0
        self._waiting.pop(import_id, None)
        return pause

    async def _step(self, entry: Import) -> float:
        try:
            if entry.job.source is ImportSource.URL and not await self._fetches.ready(entry):
                await self._note_fetching(entry)
                return LOOK_SECONDS
            file = self._files.at(entry)
            if file is None:
                entry, file = await self._open(entry)
            await self._advance(entry, file)
        except (PortUnavailable, _ErasedMeanwhile, _Left):
            raise
        except ImportFailed as failure:
            await self._end(entry.failed(failure, self._now_ms()), failure)
        except Exception as error:
            _LOG.exception("import %s met an unexpected error", entry.job.import_id)
            failure = InternalFault(f"the service met an error of its own: {type(error).__name__}")
            await self._end(entry.failed(failure, self._now_ms()), failure)
        return 0.0

    async def _note_fetching(self, entry: Import) -> None:
        if entry.job.status is ImportStatus.QUEUED:
            await self._held.save(entry.fetching(self._now_ms()))

    async def _open(self, entry: Import) -> tuple[Import, OpenFile]:
        if entry.beginnings >= MAX_BEGINNINGS:
            raise Interrupted(
                f"the service stopped {entry.beginnings} times at the same place of the file"
            )
        size = await self._files.copy(entry.job.import_id)
        if entry.job.source is ImportSource.URL:
            entry = entry.fetched(size)
        entry = entry.begun(self._now_ms())
        if not await self._held.save(entry):
            raise _Left
        file = await self._files.open(entry)
        self._observer.began(entry)
        return entry, file

    async def _advance(self, entry: Import, file: OpenFile) -> None:
        with self._observer.chunk(entry) as stored:
            clock = StageClock()
            with clock.stage("extract"):
                chunk = await file.chunk()
            if chunk is not None:
                stored(await self._store(entry, file, chunk, clock))
                return
        if file.stored is not None and entry.job.rows <= FOLLOWED_ROWS:
            with suppress(TimeoutError):
                async with asyncio.timeout(FOLLOWING_SECONDS):
                    await self._intake.reach(file.stored)
        await self._end(entry.completed(self._now_ms()))

    async def _store(
        self, entry: Import, file: OpenFile, chunk: Chunk, clock: StageClock
    ) -> ChunkReport:
        delivery = replace(entry.delivery(), form=chunk.form)
        with clock.stage("transform"):
            checked = await self._intake.check(delivery, chunk.extracted)
            marks = await self._marks(entry)
            checked = await asyncio.to_thread(without_erased, checked, delivery.tenant_id, marks)

        async def advanced(loaded: Sequence[Loaded]) -> None:
            if await self._marks(entry) != marks:
                raise _ErasedMeanwhile
            pace = file.pace(self._now_ms())
            after = entry.advanced(chunk, loaded[0].counts, checked.rejected, pace)
            if not await self._held.save(after):
                raise _Left

        with clock.stage("load"):
            with clock.stage("store"):
                async with self._intake.prepared(delivery, checked) as prepared:
                    (loaded,) = await self._intake.load([prepared], advanced)
                file.advance(loaded)
            with clock.stage("project"):
                await self._intake.follow([loaded])
        return ChunkReport(chunk.rows, loaded.counts.loaded, checked.rejected, clock.stages)

    async def _marks(self, entry: Import) -> frozenset[str]:
        """The users who must not come back with the file."""
        job = entry.job
        if job.data_type is DataType.ITEMS:
            return frozenset()
        return await self._erased.marks(job.tenant_id, entry.created_at_ms)

    async def _end(self, entry: Import, failure: ImportFailed | None = None) -> None:
        if await self._held.save(entry):
            self._observer.ended(entry, failure)
        await self._files.close(entry.job.import_id)
        await self._files.spool.remove(entry.job.import_id)
