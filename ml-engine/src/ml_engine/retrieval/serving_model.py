"""What serves a tenant: its catalogue, how popular each item is, and a model once there is one."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from backends.ports import ItemContent as StoredItem
from backends.ports import ItemCount
from ml_engine.domain.interactions import ItemContent
from ml_engine.domain.recommendation import NO_MODEL
from ml_engine.models.model import InnerProductModel, ScoringModel
from ml_engine.retrieval.catalogue import Catalogue
from ml_engine.retrieval.eligibility import Eligible
from ml_engine.retrieval.index import VectorIndex
from ml_engine.retrieval.personal import ByVectors, personal

_UNCOUNTED: Final = ItemCount(0, 0.0)


class ServingModel:
    """Catalogue, popularity and model of a tenant; an item has one position in all of them.

    Items that came after training are appended with vectors from their content alone. Before the
    first training there is no model, and everything else is the same.
    Not safe for threads: the event loop owns it once it serves.
    """

    def __init__(
        self,
        version: str = NO_MODEL,
        model: InnerProductModel | ScoringModel | None = None,
        item_ids: Sequence[str] = (),
        titles: Sequence[str | None] = (),
        popularity: NDArray[np.float64] | None = None,
        index: VectorIndex | None = None,
    ) -> None:
        """Serve `model`, whose items are `item_ids`, by an `index` of its item vectors.

        `popularity` float64 (number_of_items,); of vectors without an index the search is exact.
        """
        self.version = version
        self.catalogue = Catalogue(item_ids, titles)
        self.personal = None if model is None else personal(model, index)
        self._rank(np.zeros(len(item_ids)) if popularity is None else popularity)
        self._everything: tuple[int, Eligible] | None = None
        self._places = np.zeros(0, np.int64)
        self.state: object = object()
        """Another one after each change."""

    def follow(self, changed: Sequence[StoredItem]) -> None:
        """Take in items as they are now: new, changed, removed or back again."""
        self.state = object()
        known: dict[int, ItemContent] = {}
        new: list[ItemContent] = []
        first_new = len(self.catalogue)
        for item in changed:
            position = self.catalogue.past_position(item.item_id)
            content = ItemContent(item.title, item.categories, item.year)
            if position is None and item.removed and self.personal is not None:
                continue
            # Without a model it is kept in mind: its events may still be counted.
            if position is None:
                position = self.catalogue.add(item.item_id)
                new.append(content)
            elif position >= first_new:
                new[position - first_new] = content
            elif not item.removed:
                known[position] = content
            self.catalogue.put(position, item)
        if self.personal is not None:
            self.personal.renew(list(known), list(known.values()))
            if new:
                self.personal.append(new)
        self._append_popularity(len(new))

    def follow_counts(self, counts: Mapping[str, ItemCount]) -> None:
        """Let each item's recent events be its popularity, items of events included.

        Of equally popular ones that with more events of all times comes first, then that with the
        lesser id.
        """
        self.state = object()
        for item_id in counts:
            if self.catalogue.past_position(item_id) is None:
                self.catalogue.add(item_id)
        found = [counts.get(item_id, _UNCOUNTED) for item_id in self.catalogue.item_ids]
        self.popularity = np.array([count.recent for count in found], np.float64)
        events = np.array([count.events for count in found], np.int64)
        self.by_popularity = np.lexsort((self._alphabetical(), -events, -self.popularity))

    @property
    def depth(self) -> int:
        """How many candidates of a user a second stage of the model re-ranks; 0 without one."""
        return 0 if self.personal is None else self.personal.depth

    def everything(self) -> Eligible:
        """All items that may be recommended at all."""
        version = self.catalogue.version
        if self._everything is None or self._everything[0] != version:
            available = self.catalogue.available
            everything = Eligible(None if available.all() else available.copy())
            self._everything = version, everything
        return self._everything[1]

    def directions(self, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Rows whose inner products are cosines of the items, float32 (n, d).

        Of the model's vectors, or where it has none of the items' categories.
        """
        if isinstance(self.personal, ByVectors):
            return self.personal.model.directions(positions)
        categories = [self.catalogue.categories.of(position) for position in positions.tolist()]
        columns = {name: n for n, name in enumerate({c: None for own in categories for c in own})}
        rows = np.zeros((len(categories), len(columns)), np.float32)
        for row, own in zip(rows, categories, strict=True):
            row[[columns[name] for name in own]] = 1.0 / np.sqrt(max(len(own), 1))
        return rows

    def _alphabetical(self) -> NDArray[np.int64]:
        """The place of each item by its id."""
        if len(self._places) != len(self.catalogue):
            order = np.argsort(np.array(self.catalogue.item_ids, str), kind="stable")
            self._places = np.empty(len(order), np.int64)
            self._places[order] = np.arange(len(order))
        return self._places

    def _rank(self, popularity: NDArray[np.float64]) -> None:
        self.popularity = popularity
        self.by_popularity = np.argsort(-popularity, kind="stable")

    def _append_popularity(self, n: int) -> None:
        if n == 0:
            return
        first = len(self.popularity)
        self.popularity = np.append(self.popularity, np.zeros(n))
        self.by_popularity = np.append(self.by_popularity, np.arange(first, first + n))
