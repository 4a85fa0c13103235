"""Cursors: where a list goes on, in letters that mean nothing to a caller."""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Final, TypeVar

from fastapi import Query

from contracts.pages import DEFAULT_PAGE, Page, PageSize
from data_pipeline.domain.errors import InvalidCursor

RowT = TypeVar("RowT")

LimitParameter = Annotated[PageSize, Query(description="How many there are at most in a page.")]
CursorParameter = Annotated[
    str | None, Query(description="The next_cursor of the page before; none for the first page.")
]
DEFAULT_LIMIT: Final = DEFAULT_PAGE


def page_of(kind: str, rows: Sequence[RowT], limit: int, last: str) -> Page[RowT]:
    """A page of a list; `last` is the key of its last row, after which the next page begins."""
    full = len(rows) == limit
    return Page(data=list(rows), next_cursor=_encode(f"{kind}:{last}") if full else None)


def cursor_of(kind: str, key: str) -> str:
    """The cursor of a list of this kind that goes on after a key."""
    return _encode(f"{kind}:{key}")


def key_of(kind: str, cursor: str | None) -> str | None:
    """The key in a cursor of a list of this kind, None without a cursor.

    Raises:
        InvalidCursor: the cursor is none of this kind.
    """
    if cursor is None:
        return None
    try:
        found, colon, key = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
    except (binascii.Error, ValueError):
        raise _invalid() from None
    if found != kind or not colon or not key or _encode(f"{kind}:{key}") != cursor:
        raise _invalid()
    return key


def sequence_of(kind: str, cursor: str | None) -> int | None:
    """The sequence in a cursor, None without a cursor. Raises `InvalidCursor`."""
    key = key_of(kind, cursor)
    if key is None:
        return None
    if not (key.isascii() and key.isdigit() and len(key) <= _MAX_DIGITS):
        raise _invalid()
    return int(key)


_MAX_DIGITS: Final = 18


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def _invalid() -> InvalidCursor:
    return InvalidCursor("the cursor is none of this list: leave it out to begin anew")
