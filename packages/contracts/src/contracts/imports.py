"""Bulk imports: a file of records, taken in by a job."""

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel

from contracts.events import RejectedRecord


class DataType(StrEnum):
    """What the rows of a file are."""

    EVENTS = "events"
    ITEMS = "items"
    USERS = "users"


class FileFormat(StrEnum):
    """How a file is written."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class ImportStatus(StrEnum):
    """Where an import stands."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ImportJob(BaseModel):
    """A bulk import: accepted + duplicates + rejected = rows.

    `progress` goes from 0 to 1; `first_rejections` names the first rejected rows by their
    number in the file, the first being 0.
    """

    import_id: str
    tenant_id: str
    data_type: DataType
    format: FileFormat
    bytes: int
    status: ImportStatus
    progress: float
    rows: int
    accepted: int
    duplicates: int
    rejected: int
    first_rejections: list[RejectedRecord]
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    error: str | None = None
