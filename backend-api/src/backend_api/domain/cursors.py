"""Cursors of pages: where the next one starts, unreadable to callers only by custom."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

from backend_api.domain.access_errors import InvalidCursor


def to_cursor(*position: str | int) -> str:
    """The cursor that stands for the last row's place in its order."""
    text = json.dumps(position, separators=(",", ":"), ensure_ascii=False)
    return urlsafe_b64encode(text.encode()).decode()


def from_cursor(cursor: str, *types: type[str] | type[int]) -> tuple[str | int, ...]:
    """The place that a cursor stands for, its parts of `types`. Raises `InvalidCursor`."""
    try:
        parts = json.loads(urlsafe_b64decode(cursor.encode("ascii")))
    except ValueError as error:
        raise InvalidCursor from error
    if not isinstance(parts, list) or [type(part) for part in parts] != list(types):
        raise InvalidCursor
    return tuple(parts)
