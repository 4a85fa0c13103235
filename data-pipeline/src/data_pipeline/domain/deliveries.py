"""What comes in: where from, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from contracts.events import RejectedRecord
from contracts.imports import DataType

ValidT = TypeVar("ValidT")


class Source(StrEnum):
    """Where records come from."""

    HTTP = "http"
    FILE = "file"
    KAFKA = "kafka"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Records of one tenant that arrived together.

    `origin` names the import, or the topic and partition as `topic/0`; empty for HTTP. `first` is
    the place there of the first of them: the row of the file or the offset of the message. `form`
    says how to read a row of the origin that is no JSON record in our names by itself.
    """

    tenant_id: str
    data_type: DataType
    source: Source
    origin: str = ""
    first: int = 0
    form: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that was not loaded: its index in the delivery, why, and its bytes as they came."""

    index: int
    code: str
    reason: str
    raw: bytes

    def named(self) -> RejectedRecord:
        """As the sender is told."""
        return RejectedRecord(index=self.index, code=self.code, reason=self.reason)


@dataclass(frozen=True, slots=True)
class Checked(Generic[ValidT]):
    """The valid records of a delivery in their order, and the rejected ones by their index.

    Events are a record batch of `EVENT_SCHEMA`; items and users are sequences of their records.
    `received` counts what came in, by itself: it is not the sum of the other two.
    """

    received: int
    valid: ValidT
    rejected: Sequence[Rejected]


class Counts(NamedTuple):
    """What became of records: received = loaded + duplicates + quarantined."""

    received: int
    loaded: int
    duplicates: int
    quarantined: int


class Lane(StrEnum):
    """In which of two lanes events follow into the features.

    What happens now must not wait behind a file of ten million old events.
    """

    LIVE = "live"
    BULK = "bulk"
