from pathlib import Path

import numpy as np
import pytest
from tests.unit.ml_engine.models.checkerboard import checkerboard
from tests.unit.ml_engine.retrieval.worlds import random_model

from ml_engine.domain.errors import ModelDamaged
from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.models.item_to_item import ItemKnnParameters, item_knn
from ml_engine.retrieval.approximate_index import IVF
from ml_engine.retrieval.artifact import CODES, load_serving_model, save_serving_model
from ml_engine.retrieval.flat_index import FLAT
from ml_engine.retrieval.index_choice import choose, index_of
from ml_engine.retrieval.personal import ByScores, ByVectors

N = 1_000
MODEL = random_model(N)
DATASET = Dataset([str(k) for k in range(N)], [ItemContent()] * N, Histories.from_rows([[0, 1]]))
USERS = MODEL.item_vectors[:100]


def save(folder: Path, ms: list[float]) -> str:
    left = list(ms)
    choice = choose(MODEL.item_vectors, USERS, 0, lambda search, asked: left.pop(0))
    save_serving_model(folder, MODEL, DATASET, choice)
    return choice.report.index_type


@pytest.mark.parametrize(("index_type", "ms"), [(FLAT, [0.1]), (IVF, [5.0, 0.5])])
def test_a_model_is_loaded_with_the_index_that_was_chosen(
    tmp_path: Path, index_type: str, ms: list[float]
) -> None:
    assert save(tmp_path, ms) == index_type
    serving = load_serving_model(tmp_path, "v1")
    assert isinstance(serving.personal, ByVectors)
    index = serving.personal.index
    assert index.index_type == index_type
    exact = np.argsort(-(USERS @ MODEL.item_vectors.T), axis=1)[:, :5]
    found = index.search(USERS, 5)[1]
    shared = [len(set(one) & set(two)) for one, two in zip(exact, found, strict=True)]
    assert np.mean(shared) / 5 >= 0.95


def test_a_damaged_index_is_a_damaged_model(tmp_path: Path) -> None:
    save(tmp_path, [5.0, 0.5])
    content = (tmp_path / CODES).read_bytes()
    (tmp_path / CODES).write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelDamaged, match="train again"):
        load_serving_model(tmp_path, "v1")


def test_a_model_that_scores_all_items_is_loaded_without_an_index(tmp_path: Path) -> None:
    dataset = checkerboard()
    model = item_knn.fit(dataset, ItemKnnParameters())
    choice = index_of(model, dataset.histories)
    assert (choice.report.index_type, choice.report.recall_at_10, choice.codes) == ("scan", 1, None)
    save_serving_model(tmp_path, model, dataset, choice)
    serving = load_serving_model(tmp_path, "v1")
    assert isinstance(serving.personal, ByScores)
    found = serving.personal.model.scores(dataset.histories)
    np.testing.assert_array_equal(found, model.scores(dataset.histories))
    (tmp_path / "weights.npy").unlink()
    with pytest.raises(ModelDamaged, match="train again"):
        load_serving_model(tmp_path, "v1")
