"""Lists in pages: what a cursor holds, and the query parameters of all lists."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel

from contracts.pages import Page, PageSize
from ml_engine.domain.errors import CursorInvalid

RowT = TypeVar("RowT", bound=BaseModel)

Limit = Annotated[PageSize, Query(description="The most rows of a page.")]
CursorText = Annotated[str | None, Query(description="`next_cursor` of the page before.")]


def encode_cursor(key: Sequence[str]) -> str:
    """A row's key as a cursor."""
    return base64.urlsafe_b64encode(orjson.dumps(list(key))).decode()


def decode_cursor(cursor: str, parts: int) -> list[str]:
    """The key of `parts` texts that a cursor holds. Raises `CursorInvalid`."""
    try:
        key = orjson.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        key = None
    if not (isinstance(key, list) and len(key) == parts and all(isinstance(k, str) for k in key)):
        raise CursorInvalid("the cursor is none that a page gave: start from the first page")
    return key


def decode_time(text: str) -> datetime:
    """A time within a cursor. Raises `CursorInvalid`."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise CursorInvalid("the cursor is none that a page gave: start over") from None


def page_of(rows: Sequence[RowT], limit: int, key: Callable[[RowT], Sequence[str]]) -> Page[RowT]:
    """A page of `limit` rows, of rows that were read with one more to see whether there are any."""
    shown = list(rows[:limit])
    more = len(rows) > limit
    return Page(data=shown, next_cursor=encode_cursor(key(shown[-1])) if more else None)
