"""The books: what became of every record that came in."""

from datetime import date
from enum import StrEnum
from typing import Final

from pydantic import BaseModel

from contracts.imports import DataType

MAX_ACCOUNTING_DAYS: Final = 366


class RecordSource(StrEnum):
    """Where records come from."""

    HTTP = "http"
    FILE = "file"
    KAFKA = "kafka"


class RecordCounts(BaseModel):
    """What became of records: received = loaded + duplicates + quarantined.

    A record whose replay succeeded is no more among the quarantined ones, but loaded or a
    duplicate; one that expired or was discarded stays among them.
    """

    received: int
    loaded: int
    duplicates: int
    quarantined: int


class RecordAccount(RecordCounts):
    """The records of one source and type that arrived on one day (UTC)."""

    day: date
    source: RecordSource
    data_type: DataType


class QuarantineCounts(BaseModel):
    """Where all records are that were ever quarantined and not replayed since."""

    waiting: int
    discarded: int
    expired: int
    erased: int


class BooksDiffer(BaseModel):
    """What does not agree: what the books say, and what was counted."""

    what: str
    expected: int
    found: int


class Accounting(BaseModel):
    """A tenant's books of some days, both included.

    `balanced` says of all days, not of these alone, that the books agree with themselves, with
    the stored events and with the quarantine; `differences` says where they do not.
    """

    first: date
    last: date
    totals: RecordCounts
    by_source: dict[RecordSource, RecordCounts]
    by_data_type: dict[DataType, RecordCounts]
    accounts: list[RecordAccount]
    quarantine: QuarantineCounts
    balanced: bool
    differences: list[BooksDiffer]
