"""Events: what users did, as callers send it and as the pipeline answers."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from contracts.identifiers import Identifier

MAX_BATCH = 10_000


class EventType(StrEnum):
    """What a user did with an item: the types that every tenant has."""

    VIEW = "view"
    CLICK = "click"
    LIKE = "like"
    RATING = "rating"
    PURCHASE = "purchase"
    IMPRESSION = "impression"


EventTypeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
"""A standard event type, or one of the tenant's own: up to 64 of a-z, 0-9, `_` and `-`."""

EventWeight = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
"""How much an event of a type says of the user's taste; 0 says nothing, as an impression does."""

DEFAULT_WEIGHTS: dict[str, float] = {
    name.value: 0.0 if name is EventType.IMPRESSION else 1.0 for name in EventType
}


class Event(BaseModel):
    """One thing that one user did with one item."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_id: Identifier
    user_id: Identifier
    item_id: Identifier
    event_type: EventTypeName
    timestamp: Annotated[
        AwareDatetime, Field(description="RFC 3339 with an offset, or Unix seconds.")
    ]
    value: Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False, strict=True)] | None = None
    recommendation_id: Annotated[
        Identifier | None, Field(description="The recommendation that the event answers to.")
    ] = None


class StoredEvent(Event):
    """An event as it is stored."""

    received_at: AwareDatetime


class EventBatch(BaseModel):
    """Up to 10,000 events; each is validated by itself, so a bad one spoils no other."""

    events: Annotated[list[Any], Field(min_length=1, max_length=MAX_BATCH)]


class EventTypeWeight(BaseModel):
    """The weight of an event type."""

    model_config = ConfigDict(extra="forbid")

    weight: EventWeight


class EventTypeSettings(BaseModel):
    """An event type of a tenant; the standard ones are there from the start."""

    event_type: str
    weight: float
    standard: bool


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
    event_type: str
    timestamp_ms: int
    value: float | None = None


class History(BaseModel):
    """A user's recent events, oldest first."""

    user_id: str
    events: list[HistoryEvent]
