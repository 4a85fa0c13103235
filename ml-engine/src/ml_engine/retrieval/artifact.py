"""The files of a stored model: the towers, the items they know, and their popularity."""

import json
from pathlib import Path

import numpy as np

from ml_engine.domain.interactions import Dataset
from ml_engine.models.two_tower import TwoTower
from ml_engine.models.two_tower.artifact import load, save
from ml_engine.retrieval.serving_model import ServingModel

ITEMS = "items.json"
POPULARITY = "popularity.npy"


def save_serving_model(folder: Path, model: TwoTower, dataset: Dataset) -> None:
    """Write a model trained on `dataset` into an empty folder."""
    save(model, folder)
    popularity = dataset.histories.item_weights(dataset.n_items)
    np.save(folder / POPULARITY, popularity.astype(np.float64))
    titles = [content.title for content in dataset.contents]
    (folder / ITEMS).write_text(json.dumps({"item_ids": dataset.item_ids, "titles": titles}))


def load_serving_model(folder: Path, version: str) -> ServingModel:
    """Read what `save_serving_model` wrote."""
    items = json.loads((folder / ITEMS).read_text())
    popularity = np.load(folder / POPULARITY)
    return ServingModel(version, load(folder), items["item_ids"], items["titles"], popularity)
