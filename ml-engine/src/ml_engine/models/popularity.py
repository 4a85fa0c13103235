"""Popularity: every user gets the items that most users met."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_engine.domain.interactions import Dataset, Histories


@dataclass(frozen=True, slots=True)
class Popularity:
    """Weights of the training events of each item, float32 (n_items,)."""

    counts: np.ndarray
    name: str = "popularity"

    def scores(self, histories: Histories) -> np.ndarray:
        """The same counts for each user, float32 (n_users, n_items)."""
        return np.tile(self.counts, (histories.n_users, 1))


def fit(dataset: Dataset) -> Popularity:
    """Weigh the events of each item; a data set without events makes all items equal."""
    return Popularity(dataset.histories.item_weights(dataset.n_items).astype(np.float32))
