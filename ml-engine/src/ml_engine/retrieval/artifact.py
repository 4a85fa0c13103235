"""The files of a stored model: the towers, the items they know, and their popularity."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml_engine.domain.interactions import Dataset
from ml_engine.models.two_tower import TwoTower
from ml_engine.models.two_tower.artifact import load, save
from ml_engine.retrieval.serving_model import ServingModel

ITEMS = "items.json"
EVENT_COUNTS = "event_counts.npy"


def save_serving_model(folder: Path, model: TwoTower, dataset: Dataset) -> None:
    """Write a model trained on `dataset` into an empty folder."""
    save(model, folder)
    counts = np.bincount(dataset.histories.items, minlength=len(dataset.item_ids))
    np.save(folder / EVENT_COUNTS, counts.astype(np.int64))
    titles = [content.title for content in dataset.contents]
    (folder / ITEMS).write_text(json.dumps({"item_ids": dataset.item_ids, "titles": titles}))


def load_serving_model(folder: Path, version: str) -> ServingModel:
    """Read what `save_serving_model` wrote."""
    items = json.loads((folder / ITEMS).read_text())
    counts: NDArray[np.int64] = np.load(folder / EVENT_COUNTS)
    return ServingModel(version, load(folder), items["item_ids"], items["titles"], counts)
