"""What callers may say of items and users beyond the fixed fields."""

from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    StringConstraints,
)

MAX_ATTRIBUTES = 50

AttributeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
"""The name of an attribute: a letter, then up to 63 letters, digits and underscores."""

AttributeText = Annotated[StrictStr, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
AttributeNumber = (
    Annotated[StrictInt, Field(ge=-(2**53), le=2**53)]
    | Annotated[StrictFloat, Field(allow_inf_nan=False)]
)
AttributeValue = (
    StrictBool
    | AttributeNumber
    | AttributeText
    | Annotated[list[AttributeText], Field(max_length=100)]
)
"""Truth, a number, a text of up to 500 characters, or a list of up to 100 such texts."""

Attributes = Annotated[dict[AttributeName, AttributeValue], Field(max_length=MAX_ATTRIBUTES)]
AttributeChanges = Annotated[
    dict[AttributeName, AttributeValue | None], Field(max_length=MAX_ATTRIBUTES)
]
"""Attributes to set, by name; null takes one away."""


class Location(BaseModel):
    """A place on Earth in degrees (WGS 84)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
