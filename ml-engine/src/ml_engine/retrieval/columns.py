"""Growing columns: what is known of all items, one array for each kind of thing."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.ports import AttributeValue

_REMOVED = -1
_COMPACT_BEYOND = 1_000


class Column:
    """An array of any length: what was never set is `fill`."""

    def __init__(self, dtype: type[np.generic], fill: float) -> None:
        self._fill = fill
        self._array: NDArray[Any] = np.full(16, fill, dtype)

    def values(self, size: int) -> NDArray[Any]:
        """The first `size` values, (size,): to be read and written in place until it grows."""
        if size > len(self._array):
            grown = np.full(max(size, 2 * len(self._array)), self._fill, self._array.dtype)
            grown[: len(self._array)] = self._array
            self._array = grown
        return self._array[:size]

    def set(self, position: int, value: float) -> None:
        """Set one value."""
        if position >= len(self._array):
            self.values(position + 1)
        self._array[position] = value


class Postings:
    """Which texts each item has, as pairs of a text's number and an item's position."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._texts: list[str] = []
        self._held: Column = Column(np.int32, _REMOVED)
        self._holders: Column = Column(np.int32, 0)
        self._pairs_of: dict[int, tuple[int, int]] = {}
        self._end = 0
        self._removed = 0

    def put(self, position: int, texts: Iterable[str]) -> None:
        """Let the item have these texts and no other."""
        if position in self._pairs_of:
            start, stop = self._pairs_of.pop(position)
            self._held.values(self._end)[start:stop] = _REMOVED
            self._removed += stop - start
        numbers = [self._number(text) for text in dict.fromkeys(texts)]
        if numbers:
            self._append(position, numbers)
        if self._removed > max(_COMPACT_BEYOND, self._end // 2):
            self._compact()

    def of(self, position: int) -> list[str]:
        """The item's texts."""
        start, stop = self._pairs_of.get(position, (0, 0))
        return [self._texts[number] for number in self._held.values(self._end)[start:stop]]

    def holders(self, texts: Iterable[str], size: int) -> NDArray[np.bool_]:
        """Which of the first `size` items have any of the texts, bool (size,)."""
        mask = np.zeros(size, dtype=bool)
        wanted = [self._numbers[text] for text in texts if text in self._numbers]
        if not wanted:
            return mask
        held = self._held.values(self._end)
        if len(wanted) == 1:
            found = held == wanted[0]
        else:
            # One place more than there are numbers, which is where a removed pair looks.
            sought = np.zeros(len(self._texts) + 1, dtype=bool)
            sought[wanted] = True
            found = sought[held]
        mask[self._holders.values(self._end)[found]] = True
        return mask

    def _number(self, text: str) -> int:
        number = self._numbers.setdefault(text, len(self._texts))
        if number == len(self._texts):
            self._texts.append(text)
        return number

    def _append(self, position: int, numbers: Sequence[int]) -> None:
        start, stop = self._end, self._end + len(numbers)
        self._held.values(stop)[start:stop] = numbers
        self._holders.values(stop)[start:stop] = position
        self._pairs_of[position] = (start, stop)
        self._end = stop

    def _compact(self) -> None:
        held = self._held.values(self._end)
        kept = {p: held[start:stop].tolist() for p, (start, stop) in self._pairs_of.items()}
        self._end = self._removed = 0
        for position, numbers in kept.items():
            self._append(position, numbers)


class AttributeColumn:
    """One attribute of all items, whatever the types of its values."""

    def __init__(self) -> None:
        self._present = Column(np.bool_, fill=False)
        self._numbers = Column(np.float64, np.nan)
        self._truths = Column(np.int8, -1)
        self._texts = Postings()

    def put(self, position: int, value: AttributeValue | None) -> None:
        """Set the item's value; None takes it away."""
        if self._present.values(position + 1)[position]:
            self._clear(position)
        if value is None:
            return
        self._present.set(position, 1)
        if isinstance(value, bool):
            self._truths.set(position, value)
        elif isinstance(value, int | float):
            self._numbers.set(position, value)
        else:
            self._texts.put(position, [value] if isinstance(value, str) else value)

    def _clear(self, position: int) -> None:
        self._present.set(position, 0)
        self._numbers.set(position, np.nan)
        self._truths.set(position, -1)
        self._texts.put(position, ())

    def present(self, size: int) -> NDArray[np.bool_]:
        """Which items have the attribute, bool (size,)."""
        return self._present.values(size)

    def numbers(self, size: int) -> NDArray[np.float64]:
        """The values that are numbers, float64 (size,), NaN for others."""
        return self._numbers.values(size)

    def holders(self, values: Iterable[bool | float | str], size: int) -> NDArray[np.bool_]:
        """Which items have any of the values, or a list with one of them, bool (size,)."""
        values = list(values)
        mask = self._texts.holders([v for v in values if isinstance(v, str)], size)
        truths = [int(v) for v in values if isinstance(v, bool)]
        if truths:
            mask |= np.isin(self._truths.values(size), truths)
        numbers = [float(v) for v in values if not isinstance(v, bool | str)]
        if numbers:
            mask |= np.isin(self._numbers.values(size), numbers)
        return mask

    def of(self, position: int) -> list[bool | float | str]:
        """The item's values: one, several of a list, or none."""
        found: list[bool | float | str] = list(self._texts.of(position))
        number = float(self._numbers.values(position + 1)[position])
        truth = int(self._truths.values(position + 1)[position])
        if not np.isnan(number):
            found.append(number)
        if truth >= 0:
            found.append(bool(truth))
        return found
