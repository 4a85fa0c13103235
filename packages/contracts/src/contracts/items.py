"""Items: the catalogue as callers send it."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from contracts.events import MAX_BATCH
from contracts.identifiers import Identifier

Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
Category = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class Item(BaseModel):
    """One thing that can be recommended, and its content."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    item_id: Identifier
    title: Text | None = None
    categories: Annotated[list[Category], Field(max_length=50)] = []
    year: Annotated[int, Field(ge=-10_000, le=10_000, strict=True)] | None = None


class ItemBatch(BaseModel):
    """Up to 10,000 items; each is validated by itself, so a bad one spoils no other."""

    items: Annotated[list[Any], Field(min_length=1, max_length=MAX_BATCH)]
