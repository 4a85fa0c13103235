"""What a tenant asks of its records beyond the shape that all records have."""

from enum import StrEnum
from typing import Annotated

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from contracts.events import EventTypeName
from contracts.filters import Range

MAX_RULES = 200
DEFAULT_SECONDS_AHEAD = 300


class EventField(StrEnum):
    """Fields of an event that a rule may ask for."""

    VALUE = "value"
    RECOMMENDATION_ID = "recommendation_id"


_ATTRIBUTE = r"attributes\.[A-Za-z][A-Za-z0-9_]{0,63}"
ItemField = Annotated[
    str, StringConstraints(pattern=rf"^(title|categories|year|location|{_ATTRIBUTE})$")
]
"""A field of an item, or one of its attributes as `attributes.price`."""

ItemNumber = Annotated[str, StringConstraints(pattern=rf"^(year|{_ATTRIBUTE})$")]
"""A number of an item: `year`, or an attribute as `attributes.price`."""

UserField = Annotated[str, StringConstraints(pattern=rf"^{_ATTRIBUTE}$")]
"""An attribute of a user, as `attributes.age`."""


class AllowedRange(Range):
    """Numbers that are allowed: from `min` to `max`, both included."""

    @model_validator(mode="after")
    def _not_empty(self) -> "AllowedRange":
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min must not be above max")
        return self


class UnknownItems(StrEnum):
    """What becomes of an event with an item that the catalogue does not have."""

    ACCEPT = "accept"
    REJECT = "reject"


class EventTypeRules(BaseModel):
    """What events of a type must have, and from where to where their value may go."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    required: Annotated[list[EventField], Field(max_length=len(EventField))] = []
    value: AllowedRange | None = None


class EventRules(BaseModel):
    """Rules of events; `types` has those of single types by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    types: Annotated[dict[EventTypeName, EventTypeRules], Field(max_length=MAX_RULES)] = {}
    max_seconds_ahead: Annotated[
        int,
        Field(
            ge=0, le=86_400, strict=True, description="How far a timestamp may be in the future."
        ),
    ] = DEFAULT_SECONDS_AHEAD
    max_age_days: Annotated[
        int | None,
        Field(ge=1, le=36_500, strict=True, description="How old a timestamp may be; null: any."),
    ] = None
    unknown_items: UnknownItems = UnknownItems.ACCEPT


class ItemRules(BaseModel):
    """What items must have, and from where to where their numbers may go."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    required: Annotated[list[ItemField], Field(max_length=MAX_RULES)] = []
    ranges: Annotated[dict[ItemNumber, AllowedRange], Field(max_length=MAX_RULES)] = {}


class UserRules(BaseModel):
    """What users must have, and from where to where their numbers may go."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    required: Annotated[list[UserField], Field(max_length=MAX_RULES)] = []
    ranges: Annotated[dict[UserField, AllowedRange], Field(max_length=MAX_RULES)] = {}


class RuleSet(BaseModel):
    """All validation rules of a tenant; what is left out is as in the standard."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    events: EventRules = EventRules()
    items: ItemRules = ItemRules()
    users: UserRules = UserRules()


class RuleSetVersion(BaseModel):
    """Validation rules as they were set: a version never changes, the newest is in force.

    Version 0 is the standard, in force where a tenant has set none.
    """

    version: int
    created_at: AwareDatetime | None
    rules: RuleSet
