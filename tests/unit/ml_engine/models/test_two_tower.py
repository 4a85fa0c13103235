from dataclasses import replace

import numpy as np
import pytest
from tests.unit.ml_engine.models.checkerboard import DAY, checkerboard, left_out_item

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.evaluation.ranking import top_items
from ml_engine.models.two_tower import (
    TwoTower,
    TwoTowerParameters,
    UserTower,
    load,
    save,
    similarity,
)
from ml_engine.models.two_tower.cold_start import INTERCEPT_RIDGE, RIDGE, learn
from ml_engine.models.two_tower.fit import fit

SMALL = TwoTowerParameters(trend_rank=2, trend_knots=4, similarity_rank=4, similarity_l2=1.0)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return checkerboard()


@pytest.fixture(scope="module")
def model(dataset: Dataset) -> TwoTower:
    return fit(dataset, SMALL)


@pytest.mark.parametrize("timed", [True, False])
def test_the_missing_item_of_the_own_colour_comes_first(timed):
    dataset = checkerboard(timed=timed)
    scores = fit(dataset, SMALL).scores(dataset.histories)
    best = top_items(scores, dataset.histories, 1)[:, 0]
    expected = np.array([left_out_item(user) for user in range(40)])
    assert (best == expected).mean() > 0.9


def test_without_times_the_order_of_a_history_changes_nothing():
    model = fit(checkerboard(timed=False), SMALL)
    items = np.array([0, 2, 4, 6], np.int32)
    times = np.zeros(4, np.int64)
    forward, _ = model.encode_user(items, times)
    backward, _ = model.encode_user(items[::-1].copy(), times)
    np.testing.assert_allclose(forward, backward, atol=1e-6)


def test_the_same_data_gives_the_same_model(dataset: Dataset):
    one, same = fit(dataset, SMALL), fit(dataset, SMALL)
    np.testing.assert_array_equal(one.item_vectors, same.item_vectors)
    np.testing.assert_array_equal(one.history_vectors, same.history_vectors)


def test_progress_rises_to_one_by_steps(dataset: Dataset):
    heard: list[float] = []
    fit(dataset, SMALL, heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    assert len(set(heard)) >= 4


def test_one_user_is_encoded_as_in_a_batch(model: TwoTower, dataset: Dataset):
    rows = [[], [3], [5, 3], list(range(12)) * 4]
    n = sum(map(len, rows))
    steps = np.random.default_rng(0).integers(0, 3 * DAY, n)
    histories = replace(Histories.from_rows(rows), times=np.cumsum(steps))
    batch = model.encode_users(histories)
    for user in range(histories.n_users):
        vector, weights = model.encode_user(*histories.row(user))
        np.testing.assert_allclose(vector, batch[user], rtol=1e-4, atol=1e-5)
        assert len(weights) == len(rows[user])
        assert (weights >= 0).all()
    assert batch.dtype == np.float32
    assert batch.shape == (4, model.dimensions)


def test_weights_of_one_change_nothing(dataset: Dataset):
    ones = np.ones(dataset.histories.n_events, np.float32)
    weighted = replace(dataset, histories=replace(dataset.histories, weights=ones))
    plain, same = fit(dataset, SMALL), fit(weighted, SMALL)
    np.testing.assert_array_equal(plain.item_vectors, same.item_vectors)
    np.testing.assert_array_equal(plain.history_vectors, same.history_vectors)
    np.testing.assert_array_equal(
        plain.encode_users(dataset.histories), same.encode_users(weighted.histories)
    )


def test_weights_of_events_move_popularity_and_similarity(dataset: Dataset):
    weights = np.where(dataset.histories.items == 3, 20, 1).astype(np.float32)
    weighted = replace(dataset, histories=replace(dataset.histories, weights=weights))
    plain, heavy = fit(dataset, SMALL), fit(weighted, SMALL)
    assert heavy.item_vectors[3, -1] > plain.item_vectors[3, -1] + 1
    assert not np.allclose(heavy.history_vectors, plain.history_vectors)


def test_a_weighted_user_is_encoded_as_in_a_batch(model: TwoTower):
    histories = Histories(
        np.array([0, 4]),
        np.array([1, 3, 5, 0], np.int32),
        np.array([1, 2, 2, 4]) * DAY,
        np.array([1, 5, 0.5, 2], np.float32),
    )
    vector, weights = model.encode_user(*histories.row(0), histories.weights)
    np.testing.assert_allclose(vector, model.encode_users(histories)[0], rtol=1e-4, atol=1e-5)
    _, plain = model.encode_user(*histories.row(0))
    ratio = weights / plain
    np.testing.assert_allclose(ratio / ratio[0], histories.weights, rtol=1e-4)


def test_users_of_many_events_count_less_in_ease_where_they_are_told_to():
    rows = [[0, 1], [0, 1, 2], [0, 1, 2, 3], [2, 3]]
    matrix = np.array([[float(item in row) for item in range(4)] for row in rows])
    counts = np.array([len(row) ** -0.5 for row in rows])
    counts *= matrix.sum() / (counts @ matrix).sum()
    inverse = np.linalg.inv(matrix.T @ (counts[:, None] * matrix) + 2.0 * np.eye(4))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0.0)
    histories = Histories.from_rows(rows)
    found = similarity.weights(histories, 4, np.arange(4), l2=2.0, user_power=0.5)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_content_alone_says_what_a_user_may_like(model: TwoTower, dataset: Dataset):
    vector = model.encode_content(ItemContent(categories=("even",)))
    assert vector is not None
    scores = model.item_vectors[:, :-1] @ vector[:-1]
    assert scores[::2].mean() > scores[1::2].mean()
    assert model.encode_content(ItemContent(categories=("of no item",))) is None


def test_contributions_and_the_constant_part_sum_to_the_score(model: TwoTower):
    items = np.array([1, 3, 5, 0], np.int32)
    times = np.array([1, 2, 2, 4], np.int64) * DAY
    vector, weights = model.encode_user(items, times)
    parts = model.contributions(weights, items, [7])[0]
    constant = model.user_tower.constant(int(times[-1]))
    score = float(vector @ model.item_vectors[7])
    assert parts.shape == (4,)
    assert parts.sum() + constant @ model.item_vectors[7] == pytest.approx(score, abs=1e-4)


def test_taste_is_the_user_without_the_constant_part(model: TwoTower):
    items = np.array([1, 3, 5, 0], np.int32)
    times = np.full(4, 2 * DAY)
    taste, weights = model.encode_taste(items)
    user, same_weights = model.encode_user(items, times)
    constant = model.user_tower.constant(2 * DAY)
    np.testing.assert_allclose(taste, user - constant, atol=1e-5)
    np.testing.assert_array_equal(weights, same_weights)
    assert constant.any()


def test_the_contributions_to_a_taste_sum_to_the_score(model: TwoTower):
    items = np.array([1, 3, 5, 0], np.int32)
    taste, weights = model.encode_taste(items)
    for item in range(len(model.item_vectors)):
        score = float(taste @ model.item_vectors[item])
        assert model.contributions(weights, items, [item]).sum() == pytest.approx(score, abs=1e-5)


def test_every_user_takes_popularity_once(model: TwoTower, dataset: Dataset):
    np.testing.assert_array_equal(model.encode_users(dataset.histories)[:, -1], 1.0)
    assert not model.encode_taste(np.array([1, 3], np.int32))[0][-1]


def test_the_trend_is_interpolated_and_stands_still_outside_of_the_knots():
    table = np.array([[0, 1], [4, 1]], np.float32)
    tower = UserTower(np.ones(1, np.float32), 0.0, 0.5, np.array([100, 200]), table)
    for newest, trend in [(50, 0), (100, 0), (125, 1), (200, 4), (900, 4), (None, 4)]:
        np.testing.assert_allclose(tower.constant(newest), [trend, 1])


def test_an_unmet_item_is_ranked_with_its_category(model: TwoTower, dataset: Dataset):
    target, history = model.encode_items(
        [ItemContent("new", ("even",), 2000), ItemContent("new", ("odd",), 2000)]
    )
    grown = replace(
        model,
        item_vectors=np.concatenate([model.item_vectors, target]),
        history_vectors=np.concatenate([model.history_vectors, history]),
    )
    even, odd = len(dataset.item_ids), len(dataset.item_ids) + 1
    scores = grown.scores(dataset.histories)
    assert (scores[::2, even] > scores[::2, odd]).all()
    assert (scores[1::2, odd] > scores[1::2, even]).all()


def test_an_item_of_unknown_content_gets_the_average_vector(model: TwoTower):
    target, history = model.encode_items([ItemContent(), ItemContent("???", ("unknown",))])
    np.testing.assert_array_equal(target[0], target[1])
    assert history.shape == (2, model.dimensions)
    assert np.isfinite(target).all()


def test_content_vectors_agree_with_the_ridge_equation():
    contents = [ItemContent(None, (c,)) for c in "aabb"] + [ItemContent()]
    counts = np.array([1, 4, 9, 1, 0])
    vectors = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    tower = learn(contents, vectors, -vectors, counts, 1)
    features = np.array([[1, 0, 1], [1, 0, 1], [0, 1, 1], [0, 1, 1]])
    weighted = features.T / np.sqrt(counts[:4])
    gram = weighted @ features + np.diag([RIDGE, RIDGE, INTERCEPT_RIDGE])
    expected = np.linalg.solve(gram, weighted @ vectors[:4])
    assert tower.names == ["category=a", "category=b"]
    np.testing.assert_allclose(tower.target, expected, atol=1e-5)
    np.testing.assert_allclose(tower.history, -expected, atol=1e-5)


@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_a_saved_model_scores_alike(model, dataset, tmp_path, mmap_mode):
    save(model, tmp_path / "model")
    loaded = load(tmp_path / "model", mmap_mode)
    np.testing.assert_array_equal(loaded.scores(dataset.histories), model.scores(dataset.histories))
    assert loaded.item_tower.names == model.item_tower.names
    assert not list((tmp_path / "model").glob("*.pkl"))


@pytest.mark.parametrize(
    "histories",
    [
        Histories.from_rows([[0, 0]]),
        Histories.from_rows([[0, 1], [1], []]),
        Histories(np.array([0, 2]), np.array([0, 0], np.int32), np.array([5, 9])),
        Histories(np.array([0, 2, 3]), np.array([0, 1, 1], np.int32), np.array([1, 2, 3])),
    ],
)
def test_tiny_data_without_content_works(histories: Histories):
    n_items = int(histories.items.max()) + 1
    dataset = Dataset([str(i) for i in range(n_items)], [ItemContent()] * n_items, histories)
    model = fit(dataset, TwoTowerParameters())
    assert np.isfinite(model.scores(histories)).all()
    assert np.isfinite(model.encode_items([ItemContent("new")])[0]).all()


@pytest.mark.parametrize(
    ("rows", "missing"),
    [([], "an item"), ([[0], [0]], "two or more events"), ([[], []], "two or more events")],
)
def test_data_that_cannot_be_learned_from_says_what_is_missing(rows, missing):
    items = ["a"] if rows else []
    dataset = Dataset(items, [ItemContent()] * len(items), Histories.from_rows(rows))
    with pytest.raises(NotEnoughData, match=missing):
        fit(dataset, SMALL)
