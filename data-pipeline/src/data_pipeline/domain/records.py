"""Valid records, as the pipeline keeps them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

import pyarrow as pa

from backends.ports import AttributeValue, Correction
from data_pipeline.domain.deliveries import Lane

RecordT = TypeVar("RecordT")


class EventRecord(NamedTuple):
    """One valid event; `timestamp_ms` is Unix time in milliseconds."""

    event_id: str
    user_id: str
    item_id: str
    event_type: str
    timestamp_ms: int
    value: float | None
    recommendation_id: str | None


class ItemRecord(NamedTuple):
    """One valid item of the catalogue; `location` is latitude and longitude in degrees."""

    item_id: str
    title: str | None
    categories: tuple[str, ...]
    year: int | None
    attributes: Mapping[str, AttributeValue]
    location: tuple[float, float] | None
    available: bool


class UserRecord(NamedTuple):
    """One valid user."""

    user_id: str
    attributes: Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class Versioned(Generic[RecordT]):
    """A record as it is stored; `version` grows with each change, the time is Unix milliseconds."""

    record: RecordT
    version: int
    updated_at_ms: int


@dataclass(frozen=True, slots=True)
class Change(Generic[RecordT]):
    """What a change came to: the record as it is now, and whether there was none before."""

    stored: Versioned[RecordT]
    created: bool


class LogPage(NamedTuple, Generic[RecordT]):
    """Records with their tenant ids, of those that a log holds up to `last_sequence`.

    `more` says whether the log had as many as were asked for.
    """

    records: Sequence[tuple[str, RecordT]]
    last_sequence: int
    more: bool


class CorrectionPage(NamedTuple):
    """What the features must become; `last_sequence` is that of the last of the marks."""

    corrections: Sequence[Correction]
    last_sequence: int


class StoredEventRecord(NamedTuple):
    """An event as it is stored; its time of storing is Unix milliseconds."""

    sequence: int
    event: EventRecord
    received_at_ms: int


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events of a log: those of these users, items or event ids, where given.

    Events match by the user ids that they came with. `upto` are the last sequences of each lane.
    """

    user_ids: frozenset[str] | None = None
    item_ids: frozenset[str] | None = None
    event_types: frozenset[str] | None = None
    event_ids: frozenset[str] | None = None
    upto: Mapping[Lane, int] | None = None


class StagedEvents(Protocol):
    """Events that wait to be stored: those of a delivery that were not seen before."""

    @property
    def new(self) -> int:
        """How many of them are new."""
        ...

    @property
    def duplicates(self) -> int:
        """How many were there already, or twice in the delivery."""
        ...


class EventPage(NamedTuple):
    """Events with their tenant ids, of those that a lane holds up to `last_sequence`.

    The batches are of `STORED_EVENT_SCHEMA`, each of one tenant, in any order. `more` says whether
    the lane had events after them.
    """

    batches: Sequence[tuple[str, pa.RecordBatch]]
    last_sequence: int
    more: bool


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events of a tenant: those stored before `before`, of one user or item where given."""

    limit: int
    before: int | None = None
    user_id: str | None = None
    item_id: str | None = None


class Merged(NamedTuple):
    """What a merge came to; `correction` is the sequence that the features must reach."""

    user_id: str
    events_moved: int
    correction: int


@dataclass(frozen=True, slots=True)
class PersonCounts:
    """How much is stored of a person, place by place."""

    events: int
    profiles: int
    merged_ids: int


class Erased(NamedTuple):
    """What an erasure removed, and of which ids: those merged in the meantime too.

    `correction` is the sequence that the features must reach.
    """

    user_ids: Sequence[str]
    removed: PersonCounts
    correction: int


TrainingItem = tuple[str, str | None, Sequence[str], int | None]
"""One item as a snapshot takes it: id, title, categories, year."""


class Stored(NamedTuple):
    """What became of valid records; `last_sequence` is 0 where none was new."""

    accepted: int
    duplicates: int
    last_sequence: int
