"""Events: what users did, as callers send it and as the pipeline answers."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.identifiers import Identifier

MAX_BATCH = 10_000


class EventType(StrEnum):
    """What a user did with an item."""

    VIEW = "view"
    CLICK = "click"
    LIKE = "like"
    RATING = "rating"
    PURCHASE = "purchase"
    IMPRESSION = "impression"


class Event(BaseModel):
    """One thing that one user did with one item."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_id: Identifier
    user_id: Identifier
    item_id: Identifier
    event_type: EventType
    timestamp: Annotated[
        AwareDatetime, Field(description="RFC 3339 with an offset, or Unix seconds.")
    ]
    value: Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False, strict=True)] | None = None


class EventBatch(BaseModel):
    """Up to 10,000 events; each is validated by itself, so a bad one spoils no other."""

    events: Annotated[list[Any], Field(min_length=1, max_length=MAX_BATCH)]


class RejectedRecord(BaseModel):
    """One record that was not stored, by its place in the batch, and why."""

    index: int
    code: str
    reason: str


class BatchResult(BaseModel):
    """What became of a batch: accepted + duplicates + rejected = received."""

    accepted: int
    duplicates: int
    rejected: list[RejectedRecord]


class HistoryEvent(BaseModel):
    """One event of a user's recent history."""

    model_config = ConfigDict(frozen=True)

    item_id: str
    event_type: EventType
    timestamp_ms: int
    value: float | None = None


class History(BaseModel):
    """A user's recent events, oldest first."""

    user_id: str
    events: list[HistoryEvent]
