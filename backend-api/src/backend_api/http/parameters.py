"""Parameters that many routes take."""

from typing import Annotated

from fastapi import Path, Query

from contracts.identifiers import Identifier
from contracts.pages import PageSize
from contracts.recommendations import MAX_ITEMS, Label
from contracts.training import JobId

Limit = Annotated[PageSize, Query(description="The most rows of a page.")]
PageCursor = Annotated[
    str | None, Query(description="`next_cursor` of the page before; none for the first page.")
]
ItemId = Annotated[Identifier, Path(description="An item id; slashes need no escape.")]
UserId = Annotated[Identifier, Path(description="A user id; slashes need no escape.")]
EventId = Annotated[Identifier, Path(description="An event id; slashes need no escape.")]
NumItems = Annotated[int, Query(ge=1, le=MAX_ITEMS, description="How many items to recommend.")]
InScenario = Annotated[
    Label | None, Query(description="A named preset; other parameters go before it.")
]
ModelJobId = Annotated[JobId, Path(description="A training job's id.")]
