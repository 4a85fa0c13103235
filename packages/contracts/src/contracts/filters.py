"""Which items may be recommended, and which should be favoured: conditions on items."""

from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    model_validator,
)

from contracts.attributes import AttributeName, AttributeNumber, AttributeText
from contracts.identifiers import Identifier
from contracts.items import Categories

Scalar = StrictBool | AttributeNumber | AttributeText


class Range(BaseModel):
    """Numbers from `min` to `max`, both included; at least one of them is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: AttributeNumber | None = None
    max: AttributeNumber | None = None

    @model_validator(mode="after")
    def _bounded(self) -> "Range":
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        return self


class AttributeCondition(BaseModel):
    """What an attribute of an item must be; every part that is given must hold.

    An item without the attribute meets `none_of` and `exists: false` only. Of a list, one
    element that is in `any_of` is enough, and none may be in `none_of`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    any_of: Annotated[list[Scalar], Field(min_length=1, max_length=1_000)] | None = None
    none_of: Annotated[list[Scalar], Field(min_length=1, max_length=1_000)] | None = None
    min: AttributeNumber | None = None
    max: AttributeNumber | None = None
    exists: StrictBool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "AttributeCondition":
        if all(getattr(self, name) is None for name in type(self).model_fields):
            raise ValueError("give any_of, none_of, min, max or exists")
        return self


class Near(BaseModel):
    """Items within `radius_km` of a place, along the Earth's surface; an item needs a location.

    Without a place of its own it is the place of the request's context.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    radius_km: Annotated[float, Field(gt=0, le=20_100, allow_inf_nan=False)]
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _whole_place(self) -> "Near":
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("give latitude and longitude, or neither")
        return self


class Filters(BaseModel):
    """Conditions on an item, all of which must hold; those not given hold for every item."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    items: Annotated[
        list[Identifier] | None,
        Field(max_length=10_000, description="Only these items."),
    ] = None
    categories: Annotated[
        Categories | None, Field(min_length=1, description="Items of any of these categories.")
    ] = None
    exclude_categories: Annotated[
        Categories | None, Field(min_length=1, description="Items of none of these categories.")
    ] = None
    year: Range | None = None
    attributes: Annotated[dict[AttributeName, AttributeCondition], Field(max_length=20)] = {}
    near: Near | None = None
