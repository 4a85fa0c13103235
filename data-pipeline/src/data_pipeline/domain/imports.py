"""Bulk imports: a file of records on its way into the stores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from contracts.events import RejectedRecord
from contracts.imports import DataType, FileFormat, ImportJob, ImportStatus
from data_pipeline.domain.errors import DomainError
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


class ImportFailed(Exception):
    """An import cannot go on; the message says why. What it has stored stays."""

    reason: ClassVar[str]


class BrokenFile(ImportFailed):
    """The file is not what it is said to be."""

    reason = "broken_file"


class FileLost(ImportFailed):
    """The uploaded file is gone from its folder."""

    reason = "file_lost"


class Interrupted(ImportFailed):
    """The service stopped again and again at one place of the file."""

    reason = "interrupted"


class InternalFault(ImportFailed):
    """Something that nobody foresaw."""

    reason = "internal_error"


@dataclass(frozen=True, slots=True)
class Chunk:
    """The next rows of a file.

    `rows` counts them all; `records` are those that could be read, `indexes` the places of these
    among the rows, `rejected` the others. `position` is where the next chunk begins, in the units
    of the format, and `progress` the share of the file up to there.
    """

    rows: int
    records: Sequence[Any]
    indexes: Sequence[int]
    rejected: Sequence[RejectedRecord]
    position: int
    progress: float


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

    def begun(self, now_ms: int) -> "Import":
        """The import with its file opened, for the first time or again."""
        changes = {
            "status": ImportStatus.RUNNING,
            "started_at": self.job.started_at or moment(now_ms),
        }
        return self._changed(changes, beginnings=self.beginnings + 1)

    def advanced(
        self, chunk: Chunk, accepted: int, duplicates: int, rejected: Sequence[RejectedRecord]
    ) -> "Import":
        """The import after a chunk; `rejected` are its rows by their place in the chunk."""
        job = self.job
        named = [
            one.model_copy(update={"index": job.rows + one.index})
            for one in rejected[: FIRST_REJECTIONS - len(job.first_rejections)]
        ]
        changes = {
            "progress": chunk.progress,
            "rows": job.rows + chunk.rows,
            "accepted": job.accepted + accepted,
            "duplicates": job.duplicates + duplicates,
            "rejected": job.rejected + len(rejected),
            "first_rejections": [*job.first_rejections, *named],
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

    def _ended(self, status: ImportStatus, now_ms: int, **changes: Any) -> "Import":
        return self._changed({**changes, "status": status, "finished_at": moment(now_ms)})

    def _changed(self, changes: Mapping[str, Any], **own: Any) -> "Import":
        return replace(self, job=self.job.model_copy(update=dict(changes)), **own)


def new_import(
    import_id: str,
    tenant_id: str,
    data_type: DataType,
    file_format: FileFormat,
    size: int,
    created_at_ms: int,
    trace_headers: Mapping[str, str],
) -> Import:
    """A queued import of a file of `size` bytes, whose upload began at `created_at_ms`."""
    job = ImportJob(
        import_id=import_id,
        tenant_id=tenant_id,
        data_type=data_type,
        format=file_format,
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
