"""How many events an item has on each of its newest days, as the feature store keeps it."""

import struct
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from backends.ports import COUNTED_DAYS, ItemCount

HALF_LIFE_DAYS: Final = 7.0
"""After how many days an event counts half in `ItemCount.recent`."""

_ENTRY: Final = struct.Struct("<iq")
_ENTRIES: Final = np.dtype([("day", "<i4"), ("events", "<i8")])
_EPOCH: Final = date(1970, 1, 1).toordinal()


def epoch_days(days: Mapping[date, int]) -> dict[int, int]:
    """Counts by the number of their day since 1970."""
    return {day.toordinal() - _EPOCH: events for day, events in days.items()}


def encode_days(days: Mapping[int, int]) -> bytes:
    """Counts by day, the newest `COUNTED_DAYS` of those that have events, oldest first."""
    newest = sorted((day, events) for day, events in days.items() if events)[-COUNTED_DAYS:]
    return b"".join([_ENTRY.pack(*entry) for entry in newest])


def add_to_days(
    contents: Sequence[bytes], days: Sequence[Sequence[tuple[int, int]]]
) -> Sequence[bytes]:
    """Counts by day of some items with further ones: `days` are (day, events) of each item."""
    known = np.frombuffer(b"".join(contents), _ENTRIES)
    lengths = [len(content) // _ENTRY.size for content in contents]
    new = np.array([entry for of_item in days for entry in of_item], np.int64).reshape(-1, 2)
    items = np.repeat(np.arange(len(contents)), lengths)
    items = np.append(items, np.repeat(np.arange(len(days)), list(map(len, days))))
    numbers = np.append(known["day"], new[:, 0])
    order = np.lexsort((numbers, items))
    items, numbers = items[order], numbers[order]
    starts = np.flatnonzero(np.append(True, (np.diff(items) != 0) | (np.diff(numbers) != 0)))
    entries = np.empty(len(starts), _ENTRIES)
    entries["day"] = numbers[starts]
    entries["events"] = np.add.reduceat(np.append(known["events"], new[:, 1])[order], starts)
    ends = np.searchsorted(items[starts], np.arange(len(contents)), side="right").tolist()
    firsts = [0, *ends[:-1]]
    return [
        entries[max(first, end - COUNTED_DAYS) : end].tobytes()
        for first, end in zip(firsts, ends, strict=True)
    ]


def item_counts(rows: Iterable[tuple[str, int, bytes]]) -> dict[str, ItemCount]:
    """The counts of all items of a tenant from their rows: id, all events, events by day."""
    ids, totals, contents = zip(*rows, strict=True) if (rows := list(rows)) else ((), (), ())
    entries = np.frombuffer(b"".join(contents), _ENTRIES)
    lengths = np.array([len(content) // _ENTRY.size for content in contents], np.int64)
    recent = _recent(entries, lengths).tolist()
    return dict(zip(ids, map(ItemCount, totals, recent), strict=True))


def _recent(
    entries: npt.NDArray[np.void], lengths: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    if len(entries) == 0:
        return np.zeros(len(lengths))
    age = entries["day"].max() - entries["day"].astype(np.float64)
    weighted = entries["events"] * np.exp2(-age / HALF_LIFE_DAYS)
    of_item = np.repeat(np.arange(len(lengths)), lengths)
    return np.bincount(of_item, weighted, len(lengths)).astype(np.float64)
