"""A model of item-to-item weights on disk: one .npy file an array, and one JSON file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ml_engine.models.item_to_item.model import ItemToItem
from ml_engine.models.item_to_item.rows import ItemRows

FORMAT = 1
DESCRIPTION = "model.json"
_ARRAYS = ("indptr", "items", "weights", "relative_popularity")


def save(model: ItemToItem, directory: Path) -> None:
    """Write the model into `directory`, which is made where it is missing."""
    directory.mkdir(parents=True, exist_ok=True)
    rows = model.rows
    arrays = (rows.indptr, rows.items, rows.weights, model.popularity)
    for name, array in zip(_ARRAYS, arrays, strict=True):
        np.save(directory / f"{name}.npy", array, allow_pickle=False)
    description = {
        "format": FORMAT,
        "name": model.name,
        "gain": model.gain,
        "position_power": model.position_power,
    }
    (directory / DESCRIPTION).write_text(json.dumps(description), "utf-8")


def load(directory: Path) -> ItemToItem:
    """Read what `save` wrote.

    Raises FileNotFoundError for a missing file, ValueError for a format of another version and for
    arrays that do not fit each other.
    """
    description = json.loads((directory / DESCRIPTION).read_text("utf-8"))
    if description["format"] != FORMAT:
        raise ValueError(f"model format {description['format']}, this code reads {FORMAT}")
    indptr, items, weights, popularity = (
        np.load(directory / f"{name}.npy", allow_pickle=False) for name in _ARRAYS
    )
    if not len(indptr) - 1 == len(popularity) or not indptr[-1] == len(items) == len(weights):
        raise ValueError("the arrays of the model speak of different numbers of items")
    return ItemToItem(
        description["name"],
        ItemRows(indptr, items, weights),
        popularity,
        description["gain"],
        description["position_power"],
    )
