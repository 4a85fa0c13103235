"""The item tower's content part: vectors for items that nobody has met yet.

v_i = W_intercept + sum over the item's features f of W_f. Features are categories, the year, its
decade and the words of the title, as far as the vocabulary has them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ml_engine.domain.interactions import ItemContent

_WORD = re.compile(r"\w+")


def features(content: ItemContent) -> list[str]:
    """Names of an item's features, each once."""
    names = [f"category={category}" for category in dict.fromkeys(content.categories)]
    if content.year is not None:
        names += [f"year={content.year}", f"decade={content.year // 10 * 10}"]
    words = _WORD.findall((content.title or "").lower())
    return names + [f"word={word}" for word in dict.fromkeys(words)]


def vocabulary(contents: Sequence[ItemContent], min_items: int, max_size: int) -> list[str]:
    """Features of at least `min_items` items, the most frequent `max_size` of them, sorted."""
    counts = Counter(name for content in contents for name in features(content))
    frequent = [(-count, name) for name, count in counts.items() if count >= min_items]
    return sorted(name for _, name in sorted(frequent)[:max_size])


@dataclass(frozen=True, slots=True)
class ItemTower:
    """Vectors from content: `names` (F,) and their rows, float32.

    `target` (F + 1, d) makes what is ranked and `history` (F + 1, d) what a history adds up;
    the last row of each is the intercept, the vector of an item without known features.
    """

    names: list[str]
    target: np.ndarray
    history: np.ndarray
    _rows: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rows", {name: row for row, name in enumerate(self.names)})

    def encode_items(self, contents: Sequence[ItemContent]) -> tuple[np.ndarray, np.ndarray]:
        """Target and history vectors of items known by content only, float32 (n, d) each."""
        target = np.tile(self.target[-1], (len(contents), 1))
        history = np.tile(self.history[-1], (len(contents), 1))
        for item, rows in enumerate(self.rows(contents)):
            target[item] += self.target[rows].sum(axis=0)
            history[item] += self.history[rows].sum(axis=0)
        return target, history

    def rows(self, contents: Sequence[ItemContent]) -> list[list[int]]:
        """Vocabulary rows of each item's features."""
        known = self._rows
        return [[known[name] for name in features(c) if name in known] for c in contents]
