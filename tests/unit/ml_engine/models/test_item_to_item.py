from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.ml_engine.models.checkerboard import checkerboard, left_out_item

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.evaluation.ranking import top_items
from ml_engine.models import popularity
from ml_engine.models.item_to_item import (
    EaseParameters,
    HistoryParameters,
    ItemKnnParameters,
    ItemToItem,
    ease,
    item_knn,
    load,
    save,
    similarity,
)
from ml_engine.models.item_to_item.similarity import gram, sampled

BY_NEIGHBOURS = EaseParameters(l2=2.0, exact_items=0, neighbours=11)
KNN = ItemKnnParameters(shrinkage=1.0, neighbours=5)
MODELS = {
    "item-knn": item_knn.fit(checkerboard(), KNN),
    "ease": ease.fit(checkerboard(), EaseParameters(l2=2.0)),
    "ease by neighbours": ease.fit(checkerboard(), replace(BY_NEIGHBOURS, neighbours=5)),
}


def dataset_of(rows: list[list[int]], n_items: int) -> Dataset:
    ids = [str(item) for item in range(n_items)]
    return Dataset(ids, [ItemContent()] * n_items, Histories.from_rows(rows))


def weights_of(model: ItemToItem) -> np.ndarray:
    every = np.arange(model.n_items, dtype=np.int32)
    return model.rows.at(every, every).T


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> ItemToItem:
    return MODELS[request.param]


def test_nearest_items_by_hand():
    # Items 0 and 1 are met by two users together, 0 and 2 by one; 0 by three, 1 and 2 by two.
    dataset = dataset_of([[0, 1], [0, 1], [0, 2], [2]], 4)
    found = weights_of(item_knn.fit(dataset, ItemKnnParameters(shrinkage=1.0, neighbours=2)))
    near, far = 2 / (np.sqrt(3 * 2) + 1), 1 / (np.sqrt(3 * 2) + 1)
    expected = [[0, near, far, 0], [near, 0, 0, 0], [far, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    one = item_knn.fit(dataset, ItemKnnParameters(shrinkage=1.0, neighbours=1))
    np.testing.assert_allclose(weights_of(one)[0], [0, near, 0, 0], rtol=1e-6)


@pytest.mark.parametrize("exact_items", [4, 0], ids=["by the inverse", "by neighbours"])
def test_ease_of_two_items_by_hand(exact_items: int):
    # The regression of one item on the other: common users over its users and the penalty.
    parameters = EaseParameters(l2=3.0, exact_items=exact_items, neighbours=1)
    found = weights_of(ease.fit(dataset_of([[0, 1], [0, 1], [0]], 2), parameters))
    np.testing.assert_allclose(found, [[0, 2 / (3 + 3)], [2 / (2 + 3), 0]], rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sets(st.integers(0, 7), min_size=1), min_size=1, max_size=12), st.integers(1, 9))
def test_with_all_items_for_neighbours_both_ways_of_ease_agree(rows: list[set[int]], l2: int):
    dataset = dataset_of([sorted(row) for row in rows], 8)
    exact = weights_of(ease.fit(dataset, EaseParameters(l2=float(l2))))
    near = weights_of(ease.fit(dataset, EaseParameters(l2=float(l2), exact_items=0, neighbours=7)))
    # Two items that nobody met together are no neighbours, yet may have a weight by a third.
    met_together = (gram(sampled(dataset.histories, 8)).toarray() > 0) | ~_reaching(rows)
    complete = met_together.all(axis=0)
    np.testing.assert_allclose(near[:, complete], exact[:, complete], atol=1e-4)


def _reaching(rows: list[set[int]]) -> np.ndarray:
    """Whether items are connected by users, over any number of steps."""
    linked = np.zeros((8, 8), bool)
    for row in rows:
        linked[np.ix_(sorted(row), sorted(row))] = True
    for _ in range(3):
        linked = (linked.astype(int) @ linked.astype(int)) > 0
    return linked


def test_the_missing_item_of_the_own_colour_comes_first(model: ItemToItem):
    dataset = checkerboard()
    best = top_items(model.scores(dataset.histories), dataset.histories, 1)[:, 0]
    expected = [left_out_item(user) for user in range(40)]
    assert np.mean(best == expected) > 0.9


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(sorted(MODELS)),
    st.lists(st.tuples(st.integers(0, 13), st.floats(0.125, 8, width=32)), max_size=20),
    st.sampled_from([0.0, 0.7, 1.5]),
)
def test_contributions_and_popularity_sum_to_the_score(
    name: str, events: list[tuple[int, float]], power: float
):
    # Two items came after training.
    model = replace(MODELS[name], position_power=power, gain=0.5).with_items(14)
    items = np.array([item for item, _ in events], np.int32)
    emphasis = np.array([weight for _, weight in events], np.float32)
    vector, weights = model.encode_user(items, np.zeros(len(items), np.int64), emphasis)
    assert vector.shape == (14,)
    assert np.count_nonzero(weights) == len(set(items.tolist()))
    parts = model.contributions(weights, items, range(14)).sum(axis=1)
    np.testing.assert_allclose(parts + 0.5 * model.popularity, vector, atol=1e-4)
    taste, weights = model.encode_taste(items)
    parts = model.contributions(weights, items, range(14)).sum(axis=1)
    np.testing.assert_allclose(parts, taste, atol=1e-3)


def test_newer_events_count_more():
    model = replace(MODELS["item-knn"], position_power=1.0)
    _, weights = model.encode_user(np.array([1, 2, 3], np.int32), np.zeros(3, np.int64))
    np.testing.assert_allclose(weights, [1 / 3, 1 / 2, 1])


def test_of_events_with_one_item_the_heaviest_counts_alone():
    items = np.array([1, 3, 5, 3], np.int32)
    emphasis = np.array([1, 2, 1, 5], np.float32)
    _, weights = MODELS["ease"].encode_user(items, np.zeros(4, np.int64), emphasis)
    assert weights.tolist() == [1, 0, 1, 5]


def test_what_is_known_of_nothing_is_ordered_by_popularity():
    dataset = dataset_of([[0, 1], [0, 1], [2], [2], [2], [3]], 5)
    model = item_knn.fit(dataset, ItemKnnParameters(history=HistoryParameters(gain=1e-4)))
    scores = model.scores(Histories.from_rows([[0], []]))
    assert np.argsort(-scores[0], kind="stable").tolist() == [1, 2, 0, 3, 4]
    assert np.argsort(-scores[1], kind="stable").tolist() == [2, 0, 1, 3, 4]


def test_what_is_loaded_is_what_was_saved(model: ItemToItem, tmp_path: Path):
    save(model, tmp_path)
    loaded = load(tmp_path)
    histories = checkerboard().histories
    np.testing.assert_array_equal(loaded.scores(histories), model.scores(histories))
    assert loaded.name == model.name


def test_files_that_do_not_fit_each_other_are_refused(tmp_path: Path):
    save(MODELS["item-knn"], tmp_path)
    np.save(tmp_path / "relative_popularity.npy", np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="different numbers of items"):
        load(tmp_path)


def test_beyond_so_many_pairs_a_sample_of_the_users_stands_for_all(monkeypatch):
    histories = Histories.from_rows([[user % 5, 5, 6] for user in range(100)])
    monkeypatch.setattr(similarity, "MAX_PAIRS", 90)
    matrix = sampled(histories, 7)
    assert matrix.nnz == 30
    np.testing.assert_array_equal(matrix.toarray(), sampled(histories, 7).toarray())
    monkeypatch.setattr(similarity, "MAX_EVENTS", 2)
    assert sampled(histories, 7).sum(axis=0).tolist() == [[0, 0, 0, 0, 0, 22, 22]]


@pytest.mark.parametrize(
    "fit",
    [
        pytest.param(lambda dataset: ease.fit(dataset, EaseParameters()), id="ease"),
        pytest.param(lambda dataset: ease.fit(dataset, BY_NEIGHBOURS), id="ease by neighbours"),
        pytest.param(lambda dataset: item_knn.fit(dataset, KNN), id="item-knn"),
    ],
)
@pytest.mark.parametrize("n_items", [0, 1, 3])
def test_it_says_what_is_missing(fit, n_items: int):
    with pytest.raises(NotEnoughData, match="an event"):
        fit(dataset_of([[], []], n_items))


@pytest.mark.parametrize(
    ("rows", "n_items"),
    [
        pytest.param([[0]], 1, id="one event"),
        pytest.param([[0]] * 5, 1, id="single item"),
        pytest.param([[0, 1, 2]], 3, id="single user"),
        pytest.param([[0, 1]] * 6, 2, id="constant"),
        pytest.param([[0, 0, 0, 0]] * 3, 2, id="all duplicates"),
        pytest.param([[0, 1], [2]], 600, id="most items unmet"),
    ],
)
@pytest.mark.parametrize(
    "fit",
    [
        pytest.param(lambda dataset: ease.fit(dataset, EaseParameters()), id="ease"),
        pytest.param(lambda dataset: ease.fit(dataset, BY_NEIGHBOURS), id="ease by neighbours"),
        pytest.param(lambda dataset: item_knn.fit(dataset, ItemKnnParameters()), id="item-knn"),
        pytest.param(popularity.fit, id="popularity"),
    ],
)
def test_odd_data_gives_a_model_that_scores_all_items(fit, rows: list[list[int]], n_items: int):
    scores = fit(dataset_of(rows, n_items)).scores(Histories.from_rows([[0], [], [0, 0]]))
    assert scores.shape == (3, n_items)
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores[0], scores[2])
