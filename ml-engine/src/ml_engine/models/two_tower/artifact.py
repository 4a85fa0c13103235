"""A two-tower model on disk: one .npy file an array, which can be mapped, and one JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np

from ml_engine.models.two_tower.item_tower import ItemTower
from ml_engine.models.two_tower.model import TwoTower
from ml_engine.models.two_tower.user_tower import UserTower

FORMAT = 2
DESCRIPTION = "model.json"


def save(model: TwoTower, directory: Path) -> None:
    """Write the model into `directory`, which is made where it is missing."""
    directory.mkdir(parents=True, exist_ok=True)
    tower = model.user_tower
    arrays = {
        "item_vectors": model.item_vectors,
        "history_vectors": model.history_vectors,
        "position_weights": tower.position_weights,
        "knots": tower.knots,
        "trend_table": tower.trend_table,
        "content_target": model.item_tower.target,
        "content_history": model.item_tower.history,
    }
    for name, array in arrays.items():
        np.save(directory / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
    description = {
        "format": FORMAT,
        "name": model.name,
        "decay": tower.decay,
        "normalisation": tower.normalisation,
        "length": tower.length,
        "measured": tower.measured,
        "content_features": model.item_tower.names,
    }
    (directory / DESCRIPTION).write_text(json.dumps(description, ensure_ascii=False), "utf-8")


def load(directory: Path, mmap_mode: Literal["r"] | None = None) -> TwoTower:
    """Read what `save` wrote; `mmap_mode="r"` maps the arrays instead of copying them.

    Raises FileNotFoundError for a missing file, ValueError for a format of another version.
    """
    description = json.loads((directory / DESCRIPTION).read_text("utf-8"))
    if description["format"] != FORMAT:
        raise ValueError(f"model format {description['format']}, this code reads {FORMAT}")

    def array(name: str) -> np.ndarray:
        return np.load(directory / f"{name}.npy", mmap_mode=mmap_mode, allow_pickle=False)

    return TwoTower(
        item_vectors=array("item_vectors"),
        history_vectors=array("history_vectors"),
        user_tower=UserTower(
            position_weights=array("position_weights"),
            decay=description["decay"],
            normalisation=description["normalisation"],
            knots=array("knots"),
            trend_table=array("trend_table"),
            length=description["length"],
            measured=description["measured"],
        ),
        item_tower=ItemTower(
            names=description["content_features"],
            target=array("content_target"),
            history=array("content_history"),
        ),
        name=description["name"],
    )
