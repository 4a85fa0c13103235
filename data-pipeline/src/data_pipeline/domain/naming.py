"""Whether the bytes of a record name a user, sound or not."""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, cast

_OF_OTHERS: Final = frozenset(
    {"event_id", "item_id", "event_type", "timestamp", "value", "recommendation_id"}
)
_USER: Final = "user_id"
# What may stand beside an id without being a part of it: the rest belongs to a longer one.
_APART: Final = rb"(?<![0-9A-Za-z_.@\-\x80-\xff])%b(?![0-9A-Za-z_.@\-\x80-\xff])"


def spellings(user_id: str) -> Sequence[bytes]:
    """How an id is written in plain text and in JSON, other escapes than the usual aside."""
    forms = (
        user_id,
        json.dumps(user_id)[1:-1],
        json.dumps(user_id, ensure_ascii=False)[1:-1],
    )
    return list(dict.fromkeys(form.encode() for form in forms))


def names_user(raw: bytes, user_ids: Collection[str]) -> bool:
    """Whether a record names one of the users.

    In a JSON object by a text that is the id, wherever no other id or value belongs, or by a
    number as the `user_id`. In whatever else by the id with nothing beside it that would make it
    another id: so a damaged record may count that names somebody else.
    """
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError):
        record = None
    if isinstance(record, dict):
        fields = cast("dict[str, Any]", record)
        user = fields.get(_USER)
        if isinstance(user, int | float) and str(user) in user_ids:
            return True
        rest = {name: value for name, value in fields.items() if name not in _OF_OTHERS}
        return not set(_texts(rest)).isdisjoint(user_ids)
    return any(
        re.search(_APART % re.escape(form), raw)
        for user_id in user_ids
        for form in spellings(user_id)
    )


def _texts(value: Any) -> Iterator[str]:
    """Every text within a JSON value, names of fields too."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += [*cast("dict[str, Any]", one), *cast("dict[str, Any]", one).values()]
        elif isinstance(one, list):
            waiting += cast("list[Any]", one)
