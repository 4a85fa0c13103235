"""Events as columns, grouped by user and by item for the feature store."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from backends.feature_values.histories import ENTRY, HISTORY_LENGTH, encode_history, joined
from backends.ports import UserEvent

Key = tuple[str, str]
"""A tenant id, and the id of a user or an item of the tenant."""

History = bytes
"""A history of a user's new events alone."""

Days = list[tuple[int, int]]
"""How many new events an item has on each of their days: (days since 1970, events)."""

FEW: Final = 128
"""Up to so many events are faster grouped one by one."""

WINDOW: Final = 20_000
"""Of how many events histories are made at once."""

_DAY_MS: Final = 86_400_000
_COLUMNS: Final = ("sequence", "user_id", "item_id", "event_type", "timestamp", "value")


class EventGroups(Protocol):
    """Events by user and by item, both in the order of their keys."""

    def histories(self) -> Iterator[tuple[Key, History]]:
        """The newest events of each user."""
        ...

    def counts(self) -> Iterator[tuple[Key, Days]]:
        """The counts of each item."""
        ...


def grouped(batches: Sequence[tuple[str, pa.RecordBatch]]) -> EventGroups:
    """Group events, given as in `EventUpdate`."""
    batches = [(tenant_id, batch) for tenant_id, batch in batches if batch.num_rows]
    few = sum(batch.num_rows for _, batch in batches) <= FEW
    return FewEvents(batches) if few else ManyEvents(batches)


class FewEvents:
    """Groups made one event at a time."""

    def __init__(self, batches: Sequence[tuple[str, pa.RecordBatch]]) -> None:
        self._histories: defaultdict[Key, list[UserEvent]] = defaultdict(list)
        self._days: defaultdict[Key, Counter[int]] = defaultdict(Counter)
        for tenant_id, batch in batches:
            columns = [batch.column(name) for name in _COLUMNS]
            columns[4] = columns[4].view(pa.int64())
            for sequence, user_id, item_id, event_type, time, value in zip(
                *[column.to_pylist() for column in columns], strict=True
            ):
                event = UserEvent(item_id, event_type, time, value, sequence)
                self._histories[tenant_id, user_id].append(event)
                self._days[tenant_id, item_id][time // _DAY_MS] += 1

    def histories(self) -> Iterator[tuple[Key, History]]:
        """The newest events of each user."""
        for key, events in sorted(self._histories.items()):
            yield key, encode_history(events)

    def counts(self) -> Iterator[tuple[Key, Days]]:
        """The counts of each item."""
        for key, days in sorted(self._days.items()):
            yield key, sorted(days.items())


class ManyEvents:
    """Groups made by sorting the columns once."""

    def __init__(self, batches: Sequence[tuple[str, pa.RecordBatch]]) -> None:
        """`batches` have at least one event."""
        self._tenants = sorted({tenant_id for tenant_id, _ in batches})
        number = {tenant_id: n for n, tenant_id in enumerate(self._tenants)}
        self._tenant = np.repeat(
            [number[tenant_id] for tenant_id, _ in batches],
            [batch.num_rows for _, batch in batches],
        )
        self._table = pa.Table.from_batches([batch.select(_COLUMNS) for _, batch in batches])
        self._numbers = np.empty(len(self._table), ENTRY)
        self._numbers["timestamp"] = self._table["timestamp"].cast(pa.int64()).to_numpy()
        self._numbers["sequence"] = self._table["sequence"].to_numpy()
        self._numbers["value"] = self._table["value"].to_numpy()
        self._items = self._coded("item_id")

    def histories(self) -> Iterator[tuple[Key, History]]:
        """The newest events of each user."""
        users = self._coded("user_id")
        order = np.lexsort((self._numbers["sequence"], self._numbers["timestamp"], users.codes))
        sizes, ends = _runs(users.codes[order])
        order = order[np.repeat(ends, sizes) - np.arange(len(order)) <= HISTORY_LENGTH]
        for window in _windows(order, users.codes):
            entries = memoryview(self._numbers[window].tobytes())
            texts, places = self._texts(window)
            for code, start, end in _spans(users.codes[window]):
                of_user = entries[start * ENTRY.itemsize : end * ENTRY.itemsize]
                history = joined(end - start, of_user, texts[places[start] : places[end]])
                yield self._key(users, code), history

    def counts(self) -> Iterator[tuple[Key, Days]]:
        """The counts of each item."""
        days = self._numbers["timestamp"] // _DAY_MS
        first = days.min()
        span = days.max() - first + 1
        both, events = np.unique(self._items.codes * span + (days - first), return_counts=True)
        found = list(zip((both % span + first).tolist(), events.tolist(), strict=True))
        for code, start, end in _spans(both // span):
            yield self._key(self._items, code), found[start:end]

    def _texts(self, rows: npt.NDArray[np.int64]) -> tuple[memoryview, list[int]]:
        """The texts of events after each other, and where those of each begin and end."""
        columns = [self._table[name].take(pa.array(rows)) for name in ("item_id", "event_type")]
        ended = pc.call_function("binary_join_element_wise", [*columns, "", "\n"])
        # An offset of 32 bits reaches far: identifiers are short.
        _, places, content = ended.combine_chunks().buffers()
        return memoryview(content), memoryview(places).cast("i").tolist()

    def _coded(self, name: str) -> "_Coded":
        encoded = self._table[name].combine_chunks().dictionary_encode()
        order = pc.call_function("array_sort_indices", [encoded.dictionary])
        places = np.empty(len(order), np.int64)
        places[order.to_numpy()] = np.arange(len(order))
        rows = places[encoded.indices.to_numpy()]
        values = encoded.dictionary.take(order).to_numpy(zero_copy_only=False)
        return _Coded(self._tenant * len(values) + rows, rows, values)

    def _key(self, coded: "_Coded", code: int) -> Key:
        tenant, place = divmod(code, len(coded.values))
        return self._tenants[tenant], coded.values[place]


@dataclass(frozen=True, slots=True)
class _Coded:
    """A column of strings: `codes` order the rows by tenant and string, `places` by string."""

    codes: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    values: npt.NDArray[np.object_]


def _runs(keys: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Sizes and ends of the runs of equal values."""
    ends = np.append(np.flatnonzero(np.diff(keys)) + 1, len(keys))
    return np.diff(ends, prepend=0), ends


def _spans(keys: npt.NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """The runs of equal values: the value, where its run starts and ends."""
    sizes, ends = _runs(keys)
    return zip(keys[ends - 1].tolist(), (ends - sizes).tolist(), ends.tolist(), strict=True)


def _windows(
    order: npt.NDArray[np.int64], codes: npt.NDArray[np.int64]
) -> Iterator[npt.NDArray[np.int64]]:
    """Slices of about `WINDOW` rows, each with all rows of its codes."""
    _, ends = _runs(codes[order])
    start = 0
    while start < len(order):
        end = int(ends[min(np.searchsorted(ends, start + WINDOW), len(ends) - 1)])
        yield order[start:end]
        start = end
