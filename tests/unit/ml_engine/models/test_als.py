from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from tests.unit.ml_engine.models.checkerboard import checkerboard, left_out_item
from threadpoolctl import threadpool_limits

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.evaluation.ranking import top_items
from ml_engine.models.als import Als, AlsParameters, load, save
from ml_engine.models.als.fit import fit

SMALL = AlsParameters(factors=4, regularization=0.1, alpha=10.0)
NO_TIMES = np.zeros(4, np.int64)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return checkerboard()


@pytest.fixture(scope="module")
def model(dataset: Dataset) -> Als:
    return fit(dataset, SMALL, seed=0)


def test_the_missing_item_of_the_own_colour_comes_first(model: Als, dataset: Dataset):
    best = top_items(model.scores(dataset.histories), dataset.histories, 1)[:, 0]
    expected = np.array([left_out_item(user) for user in range(40)])
    assert (best == expected).mean() > 0.9


def test_users_are_those_that_the_library_would_make(model: Als, dataset: Dataset):
    confidences = dataset.histories.to_csr(dataset.n_items)
    confidences.data[:] = 1 + SMALL.alpha
    with threadpool_limits(limits=1, user_api="blas"):
        library = AlternatingLeastSquares(factors=4, regularization=0.1, use_cg=False)
        library.item_factors = model.item_vectors
        expected = library.recalculate_user(np.arange(40), confidences)
    found = model.encode_users(dataset.histories)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_the_same_seed_gives_the_same_model(model: Als, dataset: Dataset):
    np.testing.assert_allclose(fit(dataset, SMALL, seed=0).item_vectors, model.item_vectors)


def test_contributions_sum_to_the_score(model: Als):
    items = np.array([1, 3, 5, 3], np.int32)
    weights = np.array([1, 2, 1, 5], np.float32)
    vector, confidences = model.encode_user(items, NO_TIMES, weights)
    parts = model.contributions(confidences, items, [7, 0])
    assert parts.shape == (2, 4)
    np.testing.assert_allclose(parts.sum(axis=1), model.item_vectors[[7, 0]] @ vector, atol=1e-5)


def test_of_events_with_one_item_the_heaviest_counts_alone(model: Als):
    items = np.array([1, 3, 5, 3], np.int32)
    vector, confidences = model.encode_user(items, NO_TIMES, np.array([1, 2, 1, 5], np.float32))
    assert confidences.tolist() == [11, 0, 11, 51]
    once, _ = model.encode_user(items[[0, 2, 3]], NO_TIMES, np.array([1, 1, 5], np.float32))
    np.testing.assert_allclose(vector, once, rtol=1e-5)


def test_an_item_that_nobody_has_met_is_made_of_its_content(dataset: Dataset):
    grown = replace(
        dataset,
        item_ids=[*dataset.item_ids, "new"],
        contents=[*dataset.contents, ItemContent("film", ("even",), 2000)],
    )
    model = fit(grown, SMALL, seed=0)
    scores = model.scores(Histories.from_rows([[0, 2, 4], [1, 3, 5]]))[:, -1]
    assert scores[0] > scores[1]
    vector = model.encode_content(ItemContent(categories=("even",)))
    assert vector is not None
    liked = model.item_vectors @ vector
    assert liked[:12:2].mean() > liked[1:12:2].mean()
    assert model.encode_content(ItemContent(categories=("of no item",))) is None


def test_what_is_loaded_is_what_was_saved(model: Als, dataset: Dataset, tmp_path: Path):
    save(model, tmp_path)
    loaded = load(tmp_path)
    np.testing.assert_array_equal(loaded.scores(dataset.histories), model.scores(dataset.histories))


def test_progress_rises_to_one(dataset: Dataset):
    heard: list[float] = []
    fit(dataset, SMALL, 0, heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    assert len(heard) == SMALL.iterations + 1


def test_it_says_what_is_missing():
    with pytest.raises(NotEnoughData, match="an event"):
        fit(Dataset(["a"], [ItemContent()], Histories.from_rows([[]])), SMALL, 0)
