"""Histories as the feature store keeps them: the newest events by (timestamp, sequence).

A history is the number of its events; then of each event, oldest first, an entry of numbers; then
of each, in the same order, the item and the type, both ended by a line feed, which is in no
identifier. So events come in and go out between bytes that stay as they are, and only a reader
decodes all of them. A value that is not there is NaN. No events are no bytes.
"""

import math
import struct
from bisect import bisect_left
from collections.abc import Iterable
from operator import itemgetter
from typing import Final

import numpy as np

from backends.ports import UserEvent

HISTORY_LENGTH: Final = 1_000
"""How many of a user's newest events the feature store keeps."""

ENTRY: Final = np.dtype([("timestamp", "=i8"), ("sequence", "=i8"), ("value", "=f8")])
"""The numbers of an event."""

_COUNT: Final = struct.Struct("=H")
_ENTRY: Final = struct.Struct("=qqd")
_WORDS: Final = 3
"""Numbers of an entry, all of a length."""

_END: Final = b"\n"
_TEXTS: Final = 2
_BY_AGE: Final = itemgetter(2, 4)


def encode_history(events: Iterable[UserEvent]) -> bytes:
    """The newest of some events."""
    newest = sorted(events, key=_BY_AGE)[-HISTORY_LENGTH:]
    numbers = [
        _ENTRY.pack(timestamp, sequence, math.nan if value is None else float(value))
        for _, _, timestamp, value, sequence in newest
    ]
    texts = [f"{item_id}\n{event_type}\n" for item_id, event_type, *_ in newest]
    return joined(len(newest), b"".join(numbers), "".join(texts).encode())


def joined(total: int, entries: bytes | memoryview, texts: bytes | memoryview) -> bytes:
    """A history of its parts, in order."""
    return b"".join((_COUNT.pack(total), entries, texts)) if total else b""


def merged(history: bytes, other: bytes) -> bytes:
    """The newest events of two histories, each once. The fewer the other has, the faster."""
    if not history or not other:
        return history or other
    total, entries, texts = _parts(history)
    new_total, new_entries, new_texts = _parts(other)
    words, new = memoryview(entries).cast("q"), memoryview(new_entries).cast("q")
    if (words[-_WORDS], words[1 - _WORDS]) < (new[0], new[1]):
        return _newest(total + new_total, entries + new_entries, texts + new_texts)
    size, lines = _ENTRY.size, new_texts.split(_END)
    times, sequences = words[::_WORDS], words[1::_WORDS]
    mixed, parts, done, cut, taken = list[bytes](), list[bytes](), 0, 0, 0
    for number in range(new_total):
        time, sequence = new[number * _WORDS], new[number * _WORDS + 1]
        at = bisect_left(times, time, done)
        while at < total and times[at] == time and sequences[at] < sequence:
            at += 1
        if at < total and times[at] == time and sequences[at] == sequence:
            continue
        if at == 0 and total >= HISTORY_LENGTH:
            # Older than all of as many as are kept.
            continue
        if at > done:
            mixed.append(entries[done * size : at * size])
            start, cut = cut, _after(texts, cut, at - done, total - done)
            parts.append(texts[start:cut])
            done = at
        mixed.append(new_entries[number * size : (number + 1) * size])
        parts += lines[number * _TEXTS], _END, lines[number * _TEXTS + 1], _END
        taken += 1
    if not taken:
        return history
    mixed.append(entries[done * size :])
    parts.append(texts[cut:])
    return _newest(total + taken, b"".join(mixed), b"".join(parts))


def decode_history(content: bytes) -> list[UserEvent]:
    """The events of a history, oldest first."""
    if not content:
        return []
    _, numbers, texts = _parts(content)
    entries = np.frombuffer(numbers, ENTRY)
    lines = texts.decode().split("\n")
    values = [None if math.isnan(value) else value for value in entries["value"].tolist()]
    columns = (
        lines[:-1:_TEXTS],
        lines[1::_TEXTS],
        entries["timestamp"].tolist(),
        values,
        entries["sequence"].tolist(),
    )
    return list(map(UserEvent._make, zip(*columns, strict=True)))


def _newest(total: int, entries: bytes, texts: bytes) -> bytes:
    old = total - HISTORY_LENGTH
    if old <= 0:
        return joined(total, entries, texts)
    return joined(
        HISTORY_LENGTH, entries[old * _ENTRY.size :], texts[_after(texts, 0, old, total) :]
    )


def _parts(history: bytes) -> tuple[int, bytes, bytes]:
    """How many events, their entries, their texts."""
    (total,) = _COUNT.unpack_from(history)
    end = _COUNT.size + total * _ENTRY.size
    return total, history[_COUNT.size : end], history[end:]


def _after(texts: bytes, start: int, events: int, total: int) -> int:
    """Where the texts of so many events from `start` on end, of `total` that are from there on."""
    # About there; to count line feeds makes no objects, and few are left to be looked for.
    place = start + (len(texts) - start) * events // total
    missing = events * _TEXTS - texts.count(_END, start, place)
    while missing > 0:
        place = texts.index(_END, place) + 1
        missing -= 1
    while missing <= 0:
        place = texts.rindex(_END, start, place)
        missing += 1
    return place + 1
