"""ALS on disk: one .npy file an array, and one JSON file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ml_engine.models.als.model import NAME, Als
from ml_engine.models.two_tower import ItemTower

FORMAT = 1
DESCRIPTION = "model.json"


def save(model: Als, directory: Path) -> None:
    """Write the model into `directory`, which is made where it is missing."""
    directory.mkdir(parents=True, exist_ok=True)
    arrays = {
        "item_vectors": model.item_vectors,
        "gram": model.gram,
        "content": model.item_tower.target,
    }
    for name, array in arrays.items():
        np.save(directory / f"{name}.npy", array, allow_pickle=False)
    description = {
        "format": FORMAT,
        "name": NAME,
        "alpha": model.alpha,
        "content_features": model.item_tower.names,
    }
    (directory / DESCRIPTION).write_text(json.dumps(description, ensure_ascii=False), "utf-8")


def load(directory: Path) -> Als:
    """Read what `save` wrote.

    Raises FileNotFoundError for a missing file, ValueError for a format of another version.
    """
    description = json.loads((directory / DESCRIPTION).read_text("utf-8"))
    if description["format"] != FORMAT:
        raise ValueError(f"model format {description['format']}, this code reads {FORMAT}")
    vectors, gram, content = (
        np.load(directory / f"{name}.npy", allow_pickle=False)
        for name in ("item_vectors", "gram", "content")
    )
    item_tower = ItemTower(description["content_features"], content, content)
    return Als(vectors, vectors, gram, description["alpha"], item_tower)
