"""A trained model as it serves: vectors in an index, ids, titles, and popularity beside it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml_engine.domain.interactions import ItemContent
from ml_engine.models.two_tower import TwoTower
from ml_engine.retrieval.flat_index import FlatIndex


class ServingModel:
    """One version of a tenant's model. Items are known by their position in its index.

    Items that came after training are appended with vectors from their content alone.
    Not safe for threads: the event loop owns it.
    """

    algorithm = "two-tower"

    def __init__(
        self,
        version: str,
        model: TwoTower,
        item_ids: Sequence[str],
        titles: Sequence[str | None],
        event_counts: NDArray[np.int64],
    ) -> None:
        """Serve `model`, whose items are `item_ids`; `event_counts` int64 (number_of_items,)."""
        self.version = version
        self.model = model
        self.item_ids = list(item_ids)
        self.event_counts = event_counts
        self.by_popularity = np.argsort(-event_counts, kind="stable")
        self.index = FlatIndex(model.item_vectors)
        self._titles = list(titles)
        self._positions = {item_id: position for position, item_id in enumerate(item_ids)}

    def position(self, item_id: str) -> int | None:
        """The item's position in the index, None where it is unknown."""
        return self._positions.get(item_id)

    def positions(self, item_ids: Sequence[str]) -> list[int]:
        """The positions of those items that are known, in the order given."""
        found = (self._positions.get(item_id) for item_id in item_ids)
        return [position for position in found if position is not None]

    def name(self, position: int) -> str:
        """The item's title, or its id where it has none."""
        return self._titles[position] or self.item_ids[position]

    def follow(self, changed: Sequence[tuple[str, ItemContent]]) -> int:
        """Take in changed items: retitle known ones, append new ones. Returns how many are new.

        A known item keeps its trained vector until the next training.
        """
        new: list[tuple[str, ItemContent]] = []
        for item_id, content in changed:
            position = self._positions.get(item_id)
            if position is None:
                new.append((item_id, content))
            else:
                self._titles[position] = content.title
        if new:
            self._append(new)
        return len(new)

    def _append(self, new: Sequence[tuple[str, ItemContent]]) -> None:
        first = len(self.item_ids)
        self.model = self.model.extended([content for _, content in new])
        self.index.add(self.model.item_vectors[first:])
        for position, (item_id, content) in enumerate(new, start=first):
            self.item_ids.append(item_id)
            self._titles.append(content.title)
            self._positions[item_id] = position
        appended = np.arange(first, len(self.item_ids))
        self.event_counts = np.append(self.event_counts, np.zeros(len(new), dtype=np.int64))
        self.by_popularity = np.append(self.by_popularity, appended)
