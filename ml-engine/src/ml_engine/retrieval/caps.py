"""Caps: at most so many items of one value of an attribute."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from ml_engine.retrieval.catalogue import Catalogue


class Caps:
    """Counts what an answer holds; an item of several values counts in each of them.

    `blocked` bool (n,) are the items of which a value is used up.
    """

    def __init__(self, catalogue: Catalogue, limits: Mapping[str, int]) -> None:
        self._catalogue = catalogue
        self._limits = limits
        # With the type's name, since 1 and true are two values and one key.
        self._counts: Counter[tuple[str, str | float, str]] = Counter()
        self.blocked = np.zeros(len(catalogue), dtype=bool)

    def take(self, position: int) -> None:
        """Count an item that is in the answer."""
        for name, limit in self._limits.items():
            for value in set(self._catalogue.values(position, name)):
                key = (name, value[1], type(value[1]).__name__)
                self._counts[key] += 1
                if self._counts[key] == limit:
                    self.blocked |= self._catalogue.holders(value)
