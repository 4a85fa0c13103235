"""Valid records, as the pipeline keeps them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from contracts.events import RejectedRecord

RecordT = TypeVar("RecordT")


class EventRecord(NamedTuple):
    """One valid event; `timestamp_ms` is Unix time in milliseconds."""

    event_id: str
    user_id: str
    item_id: str
    event_type: str
    timestamp_ms: int
    value: float | None


class ItemRecord(NamedTuple):
    """One valid item of the catalogue."""

    item_id: str
    title: str | None
    categories: tuple[str, ...]
    year: int | None


class LogPage(NamedTuple, Generic[RecordT]):
    """Records with their tenant ids as a log holds them; `last_sequence` is that of the last."""

    records: Sequence[tuple[str, RecordT]]
    last_sequence: int


TrainingEvent = tuple[int, str, str, str, int, float | None]
"""One event as a snapshot takes it: sequence, user, item, event type, Unix milliseconds, value.

A plain tuple, since a snapshot reads millions of them.
"""


class Stored(NamedTuple):
    """What became of valid records; `last_sequence` is 0 where none was new."""

    accepted: int
    duplicates: int
    last_sequence: int


@dataclass(frozen=True, slots=True)
class Checked(Generic[RecordT]):
    """The valid records of a batch in their order, and the rejected ones by their index."""

    valid: Sequence[RecordT]
    rejected: Sequence[RejectedRecord]
