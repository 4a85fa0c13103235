"""A bounded map in memory whose entries end by age."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ExpiringMap(Generic[K, V]):
    """Keeps the most recently used entries, each for `ttl_seconds`, within `max_weight` in all.

    `weight` is what an entry counts for, 1 where nothing else is said.
    """

    def __init__(
        self,
        *,
        max_weight: int,
        ttl_seconds: float,
        weight: Callable[[V], int] = lambda _: 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_weight = max_weight
        self._ttl_seconds = ttl_seconds
        self._weigh = weight
        self._clock = clock
        self._weight = 0
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value, or None where it is absent or over its time."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[0] <= self._clock():
            self.remove(key)
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: K, value: V) -> None:
        """Keep a value, forgetting the least recently used ones if need be."""
        self.remove(key)
        self._entries[key] = (self._clock() + self._ttl_seconds, value)
        self._weight += self._weigh(value)
        while self._weight > self._max_weight:
            self.remove(next(iter(self._entries)))

    def remove(self, key: K) -> None:
        """Forget a value; nothing happens where there is none."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._weight -= self._weigh(entry[1])

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[K]:
        """The keys, least recently used first."""
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
