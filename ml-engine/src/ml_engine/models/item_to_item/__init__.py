"""Models that know which items lead to which: a sparse matrix, and how popular each item is.

Serving imports NumPy only; `ease` and `item_knn` fit them.
"""

from ml_engine.models.item_to_item.artifact import load, save
from ml_engine.models.item_to_item.model import ItemToItem, relative_popularity
from ml_engine.models.item_to_item.parameters import (
    EaseParameters,
    HistoryParameters,
    ItemKnnParameters,
)
from ml_engine.models.item_to_item.rows import ItemRows

__all__ = [
    "EaseParameters",
    "HistoryParameters",
    "ItemKnnParameters",
    "ItemRows",
    "ItemToItem",
    "load",
    "relative_popularity",
    "save",
]
