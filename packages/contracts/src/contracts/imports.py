"""Bulk imports: a file of records, taken in by a job."""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

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


MEDIA_TYPES = {
    FileFormat.JSONL: "application/x-ndjson",
    FileFormat.CSV: "text/csv",
    FileFormat.PARQUET: "application/vnd.apache.parquet",
}
"""The content type of each format."""


class ImportStatus(StrEnum):
    """Where an import stands."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Constant(BaseModel):
    """A value that a field has in every record of a file that has no column for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    constant: str | bool | int | float


ColumnMapping = dict[str, str | Constant | None]
"""From the names of a file's columns to ours, null for a column that is of no use.

A constant stands under our own name: `{"uid": "user_id", "event_type": {"constant": "view"}}`.
"""


class ImportSource(StrEnum):
    """Where the file of an import comes from."""

    UPLOAD = "upload"
    URL = "url"


class ImportRequest(BaseModel):
    """A file that the service fetches by itself; without a format its name's ending says it."""

    model_config = ConfigDict(extra="forbid")

    source_url: Annotated[
        str,
        StringConstraints(min_length=1, max_length=2_048, pattern=r"^(s3|file)://[!-~]+$"),
        Field(description="`s3://bucket/key` or `file:///folder/name`, where the operator allows."),
    ]
    data_type: DataType
    format: FileFormat | None = None
    mapping: ColumnMapping = {}


class ImportJob(BaseModel):
    """A bulk import: accepted + duplicates + rejected = rows.

    `progress` goes from 0 to 1; `first_rejections` names the first rejected rows by their
    number in the file, the first being 0. `bytes` are those of the file without its compression,
    0 until it is fetched. `notices` count what hurts nothing but is worth telling.
    `rows_per_second` and `seconds_left` go by the pace since the file was opened.
    """

    import_id: str
    tenant_id: str
    data_type: DataType
    format: FileFormat
    source: ImportSource = ImportSource.UPLOAD
    source_url: str | None = None
    mapping: ColumnMapping = {}
    bytes: int
    status: ImportStatus
    progress: float
    rows: int
    accepted: int
    duplicates: int
    rejected: int
    first_rejections: list[RejectedRecord]
    notices: dict[str, int] = {}
    rows_per_second: float | None = None
    seconds_left: float | None = None
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    error: str | None = None
