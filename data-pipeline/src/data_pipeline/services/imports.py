"""Bulk imports as callers see them: begun, shown, cancelled."""

import re
import secrets
from collections import Counter
from collections.abc import AsyncIterable, Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from contracts.imports import FileFormat, ImportJob, ImportRequest, ImportStatus
from contracts.pages import Page
from data_pipeline.domain.errors import InvalidCursor
from data_pipeline.domain.import_ports import FileSources, ImportBook, ImportQueue, Spool
from data_pipeline.domain.imports import (
    EmptyFile,
    Import,
    ImportFinished,
    ImportNotFound,
    RecordFile,
    TooManyImports,
    UnknownFormat,
    new_import,
)

MAX_UNFINISHED: Final = 10
"""How many imports a tenant may have uploading, queued or running."""

_COMPRESSED: Final = (".gz", ".zst")
_FORMATS: Final = {
    ".jsonl": FileFormat.JSONL,
    ".ndjson": FileFormat.JSONL,
    ".csv": FileFormat.CSV,
    ".parquet": FileFormat.PARQUET,
}
_IMPORT_ID: Final = re.compile(r"[0-9]{13}-[0-9a-f]{12}")


class Imports:
    """Takes files in and shows their jobs.

    `arrived` is called when there is a job to do or none any more, `ended` with a job that its
    caller ended.
    `now_ms` is Unix time in milliseconds.
    """

    def __init__(
        self,
        book: ImportBook,
        queue: ImportQueue,
        spool: Spool,
        sources: FileSources,
        arrived: Callable[[], None],
        ended: Callable[[Import], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._book = book
        self._queue = queue
        self._spool = spool
        self._sources = sources
        self._arrived = arrived
        self._ended = ended
        self._now_ms = now_ms
        self._uploading: Counter[str] = Counter()

    async def start(
        self,
        tenant_id: str,
        file: RecordFile,
        content: AsyncIterable[bytes],
        trace_headers: Mapping[str, str],
    ) -> ImportJob:
        """Queue a file, once all of it is on disk; `trace_headers` lead to the request.

        Raises:
            EmptyFile, TooManyImports: the file is not taken in.
            PortUnavailable: the file or its job could not be kept.
        """
        import_id, created_at_ms = self._new_id()
        with self._counted(tenant_id):
            if len(await self._book.unfinished(tenant_id)) + self._uploading[tenant_id] > (
                MAX_UNFINISHED
            ):
                raise _too_many()
            size = await self._spool.receive(import_id, content)
            kept = False
            try:
                if size == 0:
                    raise EmptyFile("the body is empty: send the file as the body")
                entry = new_import(import_id, tenant_id, file, size, created_at_ms, trace_headers)
                await self._add(entry)
                kept = True
            finally:
                if not kept:
                    await self._spool.remove(import_id)
        return entry.job

    async def start_from_url(
        self, tenant_id: str, request: ImportRequest, trace_headers: Mapping[str, str]
    ) -> ImportJob:
        """Queue a file that the job fetches.

        Raises:
            SourceNotAllowed, UnknownFormat, TooManyImports: the file is not taken in.
            PortUnavailable: the job could not be kept.
        """
        url = request.source_url
        self._sources.check(tenant_id, url)
        file_format = request.format or _format_of(url)
        file = RecordFile(request.data_type, file_format, request.mapping, url)
        import_id, created_at_ms = self._new_id()
        entry = new_import(import_id, tenant_id, file, 0, created_at_ms, trace_headers)
        await self._add(entry)
        return entry.job

    async def find(self, tenant_id: str, import_id: str) -> ImportJob:
        """How an import stands. Raises `ImportNotFound`."""
        entry = await self._book.find(tenant_id, import_id)
        if entry is None:
            raise _not_found(import_id)
        return entry.job

    async def page(self, tenant_id: str, cursor: str | None, limit: int) -> Page[ImportJob]:
        """Imports, newest first; the cursor is the id of the last one of the page before.

        Raises:
            InvalidCursor: it is none.
        """
        if cursor is not None and not _IMPORT_ID.fullmatch(cursor):
            raise InvalidCursor("the cursor is none of this list: leave it out to begin anew")
        jobs = await self._book.page(tenant_id, cursor, limit + 1)
        more = len(jobs) > limit
        return Page(
            data=list(jobs[:limit]), next_cursor=jobs[limit - 1].import_id if more else None
        )

    async def cancel(self, tenant_id: str, import_id: str) -> ImportJob:
        """End an import, after the chunk that is being stored; cancelling it again is no error.

        Raises:
            ImportNotFound, ImportFinished: there is nothing to cancel.
        """
        ended: list[Import] = []

        def cancelled(entry: Import) -> Import:
            if entry.job.status is ImportStatus.CANCELLED:
                return entry
            if entry.finished:
                raise ImportFinished(f"the import has {entry.job.status} already")
            ended.append(entry.cancelled(self._now_ms()))
            return ended[0]

        entry = await self._queue.change(tenant_id, import_id, cancelled)
        if entry is None:
            raise _not_found(import_id)
        for one in ended:
            await self._spool.remove(import_id)
            self._arrived()
            self._ended(one)
        return entry.job

    def _new_id(self) -> tuple[str, int]:
        # The job's age is that of the upload's first byte: see `ErasedUsers`.
        created_at_ms = self._now_ms()
        return f"{created_at_ms:013d}-{secrets.token_hex(6)}", created_at_ms

    async def _add(self, entry: Import) -> None:
        if not await self._book.add(entry, MAX_UNFINISHED):
            raise _too_many()
        self._arrived()

    @contextmanager
    def _counted(self, tenant_id: str) -> Generator[None]:
        self._uploading[tenant_id] += 1
        try:
            yield
        finally:
            self._uploading[tenant_id] -= 1
            if not self._uploading[tenant_id]:
                del self._uploading[tenant_id]


def _format_of(url: str) -> FileFormat:
    name = PurePosixPath(urlsplit(url).path)
    if name.suffix.lower() in _COMPRESSED:
        name = name.with_suffix("")
    file_format = _FORMATS.get(name.suffix.lower())
    if file_format is None:
        raise UnknownFormat(
            f"the name of the file does not say its format: end it by one of {', '.join(_FORMATS)}"
            ", or give `format`"
        )
    return file_format


def _not_found(import_id: str) -> ImportNotFound:
    return ImportNotFound(f"there is no import {import_id!r}")


def _too_many() -> TooManyImports:
    return TooManyImports(
        f"{MAX_UNFINISHED} imports are not finished: wait until one is, or cancel one"
    )
