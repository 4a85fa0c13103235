"""The open files of imports, each of which is read on while its present chunk is stored."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from shutil import rmtree

from backends.ports import PortUnavailable
from data_pipeline.domain.import_ports import Spool
from data_pipeline.domain.imports import Chunk, FileLost, Import, Pace
from data_pipeline.extract.files.chunks import ChunkReader
from data_pipeline.extract.files.opening import open_file
from data_pipeline.services.intake import Loaded


class OpenFile:
    """A file, its chunk that waits to be stored, and the one after it, which is being read.

    `entry` is the import as it was when the file was opened, `position` where the waiting chunk
    begins, `stored` what became of the one before. So two chunks of a file are held at most.
    """

    def __init__(self, reader: ChunkReader, entry: Import, opened_ms: int) -> None:
        self._reader = reader
        self.entry = entry
        self.position = entry.position
        self._opened_ms = opened_ms
        self._rows, self._progress = entry.job.rows, entry.job.progress
        self.stored: Loaded | None = None
        self._chunk: Chunk | None = None
        self._ahead: asyncio.Task[Chunk | None] | None = None

    async def chunk(self) -> Chunk | None:
        """The chunk to store next, None at the end. Raises `FileLost`, `BrokenFile`."""
        if self._chunk is None:
            ahead, self._ahead = self._ahead or self._read(), None
            try:
                self._chunk = await ahead
            except FileNotFoundError:
                raise _lost() from None
            if self._chunk is not None:
                self._ahead = self._read()
        return self._chunk

    def advance(self, stored: Loaded) -> None:
        """The chunk was stored."""
        self.stored = stored
        if self._chunk is not None:
            self.position, self._chunk = self._chunk.position, None

    def pace(self, now_ms: int) -> Pace:
        """How fast it goes."""
        return Pace((now_ms - self._opened_ms) / 1000, self._rows, self._progress)

    async def close(self) -> None:
        """Close the file, once a read under way has ended."""
        await asyncio.to_thread(self._reader.close)

    def _read(self) -> asyncio.Task[Chunk | None]:
        task = asyncio.create_task(asyncio.to_thread(self._reader.read))
        # Nobody asks what became of a chunk whose import was cancelled.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task


class ImportFiles:
    """The files that are open, by the id of their import, out of the spool.

    An open file is a copy in `folder`; whatever is in there at the start is removed. `now_ms` is
    Unix milliseconds.
    """

    def __init__(self, spool: Spool, folder: Path, now_ms: Callable[[], int]) -> None:
        rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        self.spool = spool
        self._folder = folder
        self._now_ms = now_ms
        self._open: dict[str, OpenFile] = {}

    def at(self, entry: Import) -> OpenFile | None:
        """The file of an import where it is open and stands where the import does."""
        file = self._open.get(entry.job.import_id)
        return file if file is not None and file.position == entry.position else None

    async def copy(self, import_id: str) -> int:
        """Bring a file here, to be opened; its bytes. Raises `FileLost`, `PortUnavailable`."""
        await self.close(import_id)
        path = self._folder / import_id
        try:
            await self.spool.copy(import_id, path)
            return path.stat().st_size
        except KeyError:
            raise _lost() from None
        except OSError as error:
            raise PortUnavailable(f"the copy of a file cannot be read: {error.strerror}") from error

    async def open(self, entry: Import) -> OpenFile:
        """Open a file, of which there is a copy, where its import stands."""
        job = entry.job
        path = self._folder / job.import_id
        reader = await asyncio.to_thread(
            open_file, path, job.data_type, job.format, entry.position, job.mapping
        )
        file = self._open[job.import_id] = OpenFile(reader, entry, self._now_ms())
        return file

    async def close(self, import_id: str) -> None:
        """Close a file where it is open, and leave no copy of it."""
        file = self._open.pop(import_id, None)
        if file is not None:
            await file.close()
        await asyncio.to_thread((self._folder / import_id).unlink, missing_ok=True)

    async def close_all_but(self, import_ids: Collection[str]) -> Sequence[Import]:
        """Close the files of all other imports; these as they were when the files were opened."""
        others = [file.entry for one, file in self._open.items() if one not in import_ids]
        for entry in others:
            await self.close(entry.job.import_id)
        return others


def _lost() -> FileLost:
    return FileLost("the uploaded file is gone: send it again")
