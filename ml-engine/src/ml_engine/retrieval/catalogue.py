"""A tenant's items in columns: an item's position is its row in all of them, for ever."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.ports import ItemContent
from contracts.recommendations import CATEGORY
from ml_engine.retrieval.columns import AttributeColumn, Column, Postings

CapValue = tuple[str, bool | float | str]
"""An attribute, or `category`, and one value of it."""


class Catalogue:
    """What filters ask of items, and what answers say of them.

    Items that only a model or events know are there as well: available, and without content.
    `version` changes with each change. Not safe for threads.
    """

    def __init__(self, item_ids: Sequence[str] = (), titles: Sequence[str | None] = ()) -> None:
        """Begin with items of which no more is known yet."""
        self.version = 0
        self.item_ids: list[str] = []
        self.categories = Postings()
        self._titles: list[str | None] = []
        self._positions: dict[str, int] = {}
        self._removed: set[int] = set()
        self._attributes: dict[str, AttributeColumn] = {}
        self._available = Column(np.bool_, fill=True)
        self._years = Column(np.float64, np.nan)
        self._latitudes = Column(np.float64, np.nan)
        self._longitudes = Column(np.float64, np.nan)
        for item_id, title in zip(item_ids, titles, strict=True):
            self.add(item_id, title)

    def __len__(self) -> int:
        return len(self.item_ids)

    def position(self, item_id: str) -> int | None:
        """The position of an item that was not removed, None where there is none."""
        position = self._positions.get(item_id)
        return None if position in self._removed else position

    def past_position(self, item_id: str) -> int | None:
        """The position of an item, were it removed: histories name such items."""
        return self._positions.get(item_id)

    def past_positions(self, item_ids: Iterable[str]) -> list[int | None]:
        """`past_position` of each item."""
        return list(map(self._positions.get, item_ids))

    def positions(self, item_ids: Iterable[str]) -> list[int]:
        """The positions of those items that are known, removed ones too, in the order given."""
        return [position for position in self.past_positions(item_ids) if position is not None]

    def name(self, position: int) -> str:
        """The item's title, or its id where it has none."""
        return self._titles[position] or self.item_ids[position]

    @property
    def is_empty(self) -> bool:
        """Whether there is no item but removed ones."""
        return len(self.item_ids) == len(self._removed)

    @property
    def available(self) -> NDArray[np.bool_]:
        """Which items may be recommended at all, bool (n,)."""
        return self._available.values(len(self))

    @property
    def years(self) -> NDArray[np.float64]:
        """Years, float64 (n,), NaN where an item has none."""
        return self._years.values(len(self))

    @property
    def places(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Latitudes and longitudes in degrees, float64 (n,) each, NaN where there is none."""
        return self._latitudes.values(len(self)), self._longitudes.values(len(self))

    def attribute(self, name: str) -> AttributeColumn | None:
        """An attribute's column, None where no item ever had it."""
        return self._attributes.get(name)

    def values(self, position: int, name: str) -> list[CapValue]:
        """What the item has of an attribute, or of the categories under `category`."""
        if name == CATEGORY:
            return [(name, category) for category in self.categories.of(position)]
        column = self._attributes.get(name)
        return [] if column is None else [(name, value) for value in column.of(position)]

    def holders(self, value: CapValue) -> NDArray[np.bool_]:
        """Which items have a value, bool (n,)."""
        name, wanted = value
        if name == CATEGORY:
            return self.categories.holders([str(wanted)], len(self))
        return self._attributes[name].holders([wanted], len(self))

    def add(self, item_id: str, title: str | None = None) -> int:
        """Append an item of which no more is known; returns its position."""
        position = len(self.item_ids)
        self.item_ids.append(item_id)
        self._titles.append(title)
        self._positions[item_id] = position
        self.version += 1
        return position

    def put(self, position: int, item: ItemContent) -> None:
        """Replace what is known of the item at a position, or take it away, or back."""
        self._titles[position] = item.title
        self._available.set(position, item.available and not item.removed)
        (self._removed.add if item.removed else self._removed.discard)(position)
        self._years.set(position, np.nan if item.year is None else item.year)
        latitude, longitude = item.location or (np.nan, np.nan)
        self._latitudes.set(position, latitude)
        self._longitudes.set(position, longitude)
        self.categories.put(position, item.categories)
        self._put_attributes(position, item.attributes)
        self.version += 1

    def _put_attributes(self, position: int, attributes: Any) -> None:
        for name in attributes.keys() - self._attributes.keys():
            self._attributes[name] = AttributeColumn()
        for name, column in self._attributes.items():
            if name in attributes or column.present(position + 1)[position]:
                column.put(position, attributes.get(name))
