"""Histories as the feature store keeps them: the newest events by (timestamp, sequence)."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

import orjson

from backends.ports import UserEvent

HISTORY_LENGTH: Final = 200
"""How many of a user's newest events the feature store keeps."""

_BY_AGE: Final = itemgetter(2, 4)


def encode_history(events: Sequence[UserEvent]) -> bytes:
    """The newest of some events; empty where there are none."""
    newest = sorted(map(tuple, events), key=_BY_AGE)[-HISTORY_LENGTH:]
    return orjson.dumps(newest) if newest else b""


def add_to_history(content: bytes | None, events: Sequence[Sequence[Any]]) -> bytes:
    """A history with further events, each once.

    `events` are lists or tuples of the fields of `UserEvent`, in order, one at least.
    """
    if not content:
        return orjson.dumps(events[-HISTORY_LENGTH:])
    history: list[Sequence[Any]] = orjson.loads(content)
    if _BY_AGE(history[-1]) < _BY_AGE(events[0]):
        history += events
    else:
        once = {event[4]: event for event in (*history, *events)}
        history = sorted(once.values(), key=_BY_AGE)
    return orjson.dumps(history[-HISTORY_LENGTH:])


def decode_history(content: bytes) -> list[UserEvent]:
    """The events of a history, oldest first."""
    return list(map(UserEvent._make, orjson.loads(content))) if content else []
