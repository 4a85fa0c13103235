"""The files of a stored model: the towers, their index, the items they know and how popular."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import faiss
import numpy as np

from ml_engine.domain.errors import ModelDamaged
from ml_engine.domain.interactions import Dataset
from ml_engine.models import als, item_to_item, two_stage, two_tower
from ml_engine.models.model import InnerProductModel, ScoringModel
from ml_engine.retrieval.approximate_index import ApproximateIndex, Codes
from ml_engine.retrieval.flat_index import FLAT, FlatIndex
from ml_engine.retrieval.index import VectorIndex
from ml_engine.retrieval.index_choice import IndexChoice
from ml_engine.retrieval.serving_model import ServingModel

ITEMS = "items.json"
POPULARITY = "popularity.npy"
INDEX = "index.json"
CODES = "index.faiss"
DESCRIPTION = "model.json"
"""Every kind of model writes this file, with its name in it."""

_SAVE: Final[dict[type, Callable[[Any, Path], None]]] = {
    two_tower.TwoTower: two_tower.save,
    two_stage.TwoStage: two_stage.save,
    als.Als: als.save,
    item_to_item.ItemToItem: item_to_item.save,
}
_LOAD: Final[dict[str, Callable[[Path], InnerProductModel | ScoringModel]]] = {
    "two-tower": two_tower.load,
    two_stage.NAME: two_stage.load,
    als.NAME: als.load,
    **dict.fromkeys(("ease", "item-knn", "popularity"), item_to_item.load),
}


def save_serving_model(
    folder: Path, model: InnerProductModel | ScoringModel, dataset: Dataset, index: IndexChoice
) -> None:
    """Write a model trained on `dataset`, and the index of its items, into an empty folder."""
    _SAVE[type(model)](model, folder)
    (folder / INDEX).write_text(json.dumps(index.report.to_json()))
    if index.codes is not None:
        faiss.write_index(index.codes.index, str(folder / CODES))
    popularity = dataset.histories.item_weights(dataset.n_items)
    np.save(folder / POPULARITY, popularity.astype(np.float64))
    titles = [content.title for content in dataset.contents]
    (folder / ITEMS).write_text(json.dumps({"item_ids": dataset.item_ids, "titles": titles}))


def load_model(folder: Path) -> InnerProductModel | ScoringModel:
    """Read the model alone, of whichever kind it is.

    Raises FileNotFoundError for a missing file, LookupError for another kind, ValueError for a
    format of another version.
    """
    return _LOAD[json.loads((folder / DESCRIPTION).read_text())["name"]](folder)


def load_serving_model(folder: Path, version: str) -> ServingModel:
    """Read what `save_serving_model` wrote. Raises `ModelDamaged` where it is anything else."""
    try:
        return _read(folder, version)
    except (FileNotFoundError, EOFError, LookupError, TypeError, ValueError, RuntimeError) as error:
        # FAISS raises RuntimeError.
        reason = f"the files of model {version!r} are damaged: train again"
        raise ModelDamaged(reason) from error


def _read(folder: Path, version: str) -> ServingModel:
    items = json.loads((folder / ITEMS).read_text())
    popularity = np.load(folder / POPULARITY)
    model = load_model(folder)
    numbers = {len(items["item_ids"]), len(items["titles"]), model.n_items, len(popularity)}
    if len(numbers) > 1:
        raise ValueError("the files speak of different numbers of items")
    index = None if isinstance(model, ScoringModel) else _index(folder, model)
    return ServingModel(version, model, items["item_ids"], items["titles"], popularity, index)


def _index(folder: Path, model: InnerProductModel) -> VectorIndex:
    report = json.loads((folder / INDEX).read_text())
    if report["index_type"] == FLAT:
        return FlatIndex(model.item_vectors)
    codes = Codes(report["index_type"], faiss.read_index(str(folder / CODES)), report["effort"])
    return ApproximateIndex(codes, model.item_vectors)
