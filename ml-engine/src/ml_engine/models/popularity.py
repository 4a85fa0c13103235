"""Popularity: every user gets the items that most users met."""

from __future__ import annotations

from dataclasses import dataclass

from ml_engine.domain.interactions import Dataset
from ml_engine.models.item_to_item import ItemRows, ItemToItem, relative_popularity

NAME = "popularity"


@dataclass(frozen=True, slots=True)
class PopularityParameters:
    """There is nothing to choose."""


def fit(dataset: Dataset) -> ItemToItem:
    """Weigh the events of each item; a data set without events makes all items equal."""
    counts = dataset.histories.item_weights(dataset.n_items)
    return ItemToItem(NAME, ItemRows.empty(dataset.n_items), relative_popularity(counts), gain=1.0)
