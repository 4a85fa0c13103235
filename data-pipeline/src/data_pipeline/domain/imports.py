"""Bulk imports: a file of records on its way into the stores."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from contracts.imports import (
    ColumnMapping,
    DataType,
    FileFormat,
    ImportJob,
    ImportSource,
    ImportStatus,
)
from data_pipeline.domain.deliveries import Counts, Delivery, Rejected, Source
from data_pipeline.domain.errors import DomainError
from data_pipeline.domain.extracted import Extracted
from data_pipeline.domain.moments import moment

FIRST_REJECTIONS: Final = 20
"""How many rejected rows a job names."""

MAX_BEGINNINGS: Final = 3
"""How often a file is opened at one place before the stops of the service count as its fault."""

UNFINISHED: Final = (ImportStatus.QUEUED, ImportStatus.RUNNING)


class ImportNotFound(DomainError):
    """The tenant has no such import."""

    code = "import_not_found"


class ImportFinished(DomainError):
    """There is nothing left to cancel."""

    code = "import_finished"


class TooManyImports(DomainError):
    """The tenant has as many imports waiting as it may have."""

    code = "too_many_imports"


class EmptyFile(DomainError):
    """The upload has no bytes."""

    code = "empty_file"


class UnknownFormat(DomainError):
    """The name of the file does not say how it is written."""

    code = "unknown_format"


class SourceNotAllowed(DomainError):
    """The operator lets no import fetch such a file."""

    code = "source_not_allowed"


class ImportFailed(Exception):
    """An import cannot go on; the message says why. What it has stored stays."""

    reason: ClassVar[str]


class BrokenFile(ImportFailed):
    """The file is not what it is said to be."""

    reason = "broken_file"


class FileLost(ImportFailed):
    """The uploaded file is gone from its folder."""

    reason = "file_lost"


class SourceFailed(ImportFailed):
    """The file cannot be fetched from its source."""

    reason = "source_failed"


class Interrupted(ImportFailed):
    """The service stopped again and again at one place of the file."""

    reason = "interrupted"


class InternalFault(ImportFailed):
    """Something that nobody foresaw."""

    reason = "internal_error"


@dataclass(frozen=True, slots=True)
class Chunk:
    """The next rows of a file.

    `rows` counts them all. `position` is where the next chunk begins, in the units of the format,
    and `progress` the share of the file up to there. `notices` count what hurts nothing but is
    worth telling, such as a byte order mark. `form` is that of a delivery of these rows.
    """

    rows: int
    extracted: Extracted
    position: int
    progress: float
    notices: Mapping[str, int]
    form: str = ""


@dataclass(frozen=True, slots=True)
class RecordFile:
    """A file of records: what it holds, how it is written, and where from where that is a URL."""

    data_type: DataType
    file_format: FileFormat
    mapping: ColumnMapping
    source_url: str | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast an import goes: seconds since its file was opened, and how it stood then."""

    seconds: float
    rows: int
    progress: float

    def fields(self, rows: int, progress: float) -> Mapping[str, float | None]:
        """What a job says of its pace when it stands at so many rows."""
        if self.seconds <= 0 or progress <= self.progress:
            return {"rows_per_second": None, "seconds_left": None}
        return {
            "rows_per_second": round((rows - self.rows) / self.seconds, 1),
            "seconds_left": round(self.seconds * (1 - progress) / (progress - self.progress), 1),
        }


@dataclass(frozen=True, slots=True)
class Import:
    """A job, and what is needed to go on with it.

    `position` is where its next chunk begins, `beginnings` how often the file was opened there,
    `trace_headers` lead to the request that brought the file.
    """

    job: ImportJob
    position: int
    beginnings: int
    trace_headers: Mapping[str, str]

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self.job.status not in UNFINISHED

    @property
    def created_at_ms(self) -> int:
        """When its upload began, in Unix milliseconds."""
        return round(self.job.created_at.timestamp() * 1000)

    def delivery(self) -> Delivery:
        """The next rows of the file, as the pipeline takes them."""
        job = self.job
        return Delivery(job.tenant_id, job.data_type, Source.FILE, job.import_id, job.rows)

    def begun(self, now_ms: int) -> "Import":
        """The import with its file opened, for the first time or again."""
        return self._running(now_ms, beginnings=self.beginnings + 1)

    def fetching(self, now_ms: int) -> "Import":
        """The import while its file is on its way."""
        return self._running(now_ms)

    def fetched(self, size: int) -> "Import":
        """The import with its file on disk; `size` is in bytes.

        Raises:
            SourceFailed: the file is another one than the rows before came from.
        """
        if self.position and size != self.job.bytes:
            raise SourceFailed("the file was changed at its source: start another import")
        return self._changed({"bytes": size})

    def advanced(
        self, chunk: Chunk, counts: Counts, rejected: Sequence[Rejected], pace: Pace
    ) -> "Import":
        """The import after a chunk; `rejected` are rows by their place in the chunk."""
        job = self.job
        named = [
            replace(one, index=job.rows + one.index).named()
            for one in rejected[: FIRST_REJECTIONS - len(job.first_rejections)]
        ]
        rows = job.rows + counts.received
        changes = {
            "progress": chunk.progress,
            "rows": rows,
            "accepted": job.accepted + counts.loaded,
            "duplicates": job.duplicates + counts.duplicates,
            "rejected": job.rejected + counts.quarantined,
            "first_rejections": [*job.first_rejections, *named],
            "notices": dict(Counter(job.notices) + Counter(chunk.notices)),
            **pace.fields(rows, chunk.progress),
        }
        return self._changed(changes, position=chunk.position, beginnings=1)

    def completed(self, now_ms: int) -> "Import":
        """The import at the end of its file."""
        return self._ended(ImportStatus.COMPLETED, now_ms, progress=1.0)

    def cancelled(self, now_ms: int) -> "Import":
        """The import as its caller ended it."""
        return self._ended(ImportStatus.CANCELLED, now_ms)

    def failed(self, failure: ImportFailed, now_ms: int) -> "Import":
        """The import as a fault ended it."""
        stays = f"the {self.job.rows} rows before it were taken in and stay"
        error = f"{failure}; {stays if self.job.rows else 'nothing of the file was taken in'}"
        return self._ended(ImportStatus.FAILED, now_ms, error=error)

    def _running(self, now_ms: int, **own: Any) -> "Import":
        changes = {
            "status": ImportStatus.RUNNING,
            "started_at": self.job.started_at or moment(now_ms),
        }
        return self._changed(changes, **own)

    def _ended(self, status: ImportStatus, now_ms: int, **changes: Any) -> "Import":
        ended = {"status": status, "finished_at": moment(now_ms), "seconds_left": None}
        return self._changed({**changes, **ended})

    def _changed(self, changes: Mapping[str, Any], **own: Any) -> "Import":
        return replace(self, job=self.job.model_copy(update=dict(changes)), **own)


def new_import(
    import_id: str,
    tenant_id: str,
    file: RecordFile,
    size: int,
    created_at_ms: int,
    trace_headers: Mapping[str, str],
) -> Import:
    """A queued import of a file of `size` bytes, whose upload began at `created_at_ms`."""
    job = ImportJob(
        import_id=import_id,
        tenant_id=tenant_id,
        data_type=file.data_type,
        format=file.file_format,
        source=ImportSource.URL if file.source_url else ImportSource.UPLOAD,
        source_url=file.source_url,
        mapping=file.mapping,
        bytes=size,
        status=ImportStatus.QUEUED,
        progress=0.0,
        rows=0,
        accepted=0,
        duplicates=0,
        rejected=0,
        first_rejections=[],
        created_at=moment(created_at_ms),
    )
    return Import(job, position=0, beginnings=0, trace_headers=trace_headers)


def erasure_mark(tenant_id: str, user_id: str) -> str:
    """What is remembered of an erased user: whoever was erased is not named again."""
    # The tenant id has a fixed alphabet without a null byte, so no two pairs run together.
    return hashlib.sha256(f"{tenant_id}\0{user_id}".encode()).hexdigest()
