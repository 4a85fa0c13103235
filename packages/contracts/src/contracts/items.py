"""Items: the catalogue as callers send it and get it back."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from contracts.attributes import AttributeChanges, Attributes, Location
from contracts.events import MAX_BATCH
from contracts.identifiers import Identifier

Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
Category = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Categories = Annotated[list[Category], Field(max_length=50)]
Year = Annotated[int, Field(ge=-10_000, le=10_000, strict=True)]


class ItemContent(BaseModel):
    """What an item is, its id aside."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Text | None = None
    categories: Categories = []
    year: Year | None = None
    attributes: Attributes = {}
    location: Location | None = None
    available: Annotated[
        bool, Field(strict=True, description="An item that is not available is never recommended.")
    ] = True


class Item(ItemContent):
    """One thing that can be recommended, and its content."""

    item_id: Identifier


class ItemChanges(BaseModel):
    """A merge patch (RFC 7396) of an item: what is absent stays, null takes away."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Text | None = None
    categories: Categories | None = None
    year: Year | None = None
    attributes: AttributeChanges | None = None
    location: Location | None = None
    available: Annotated[bool, Field(strict=True)] | None = None


class StoredItem(Item):
    """An item as it is stored; `version` changes with each change of the item."""

    version: int
    updated_at: AwareDatetime


class ItemBatch(BaseModel):
    """Up to 10,000 items; each is validated by itself, so a bad one spoils no other."""

    items: Annotated[list[Any], Field(min_length=1, max_length=MAX_BATCH)]
