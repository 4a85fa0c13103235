"""The files of a stored model: the towers, the items they know, and their popularity."""

import json
from pathlib import Path

import numpy as np

from ml_engine.domain.errors import ModelDamaged
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
    """Read what `save_serving_model` wrote. Raises `ModelDamaged` where it is anything else."""
    try:
        return _read(folder, version)
    except (FileNotFoundError, EOFError, LookupError, TypeError, ValueError) as error:
        reason = f"the files of model {version!r} are damaged: train again"
        raise ModelDamaged(reason) from error


def _read(folder: Path, version: str) -> ServingModel:
    items = json.loads((folder / ITEMS).read_text())
    popularity = np.load(folder / POPULARITY)
    model = load(folder)
    tables = (items["item_ids"], items["titles"], model.item_vectors, model.history_vectors)
    if any(len(table) != len(popularity) for table in tables):
        raise ValueError("the files speak of different numbers of items")
    return ServingModel(version, model, items["item_ids"], items["titles"], popularity)
