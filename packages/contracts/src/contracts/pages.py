"""Lists in pages: the one shape of every list that can grow."""

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, Field, StringConstraints

MAX_PAGE = 1_000
DEFAULT_PAGE = 100

RowT = TypeVar("RowT")

Cursor = Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=r"^[\w=-]+$")]
"""Where a page starts, as the page before it said; it means nothing to a caller."""

PageSize = Annotated[int, Field(ge=1, le=MAX_PAGE)]


class Page(BaseModel, Generic[RowT]):
    """One page of a list, and the cursor of the next one: null on the last page."""

    data: list[RowT]
    next_cursor: str | None = None
