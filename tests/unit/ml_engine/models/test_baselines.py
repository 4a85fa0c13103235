import numpy as np
import pytest
from tests.unit.ml_engine.models.checkerboard import checkerboard, left_out_item

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.evaluation.ranking import top_items
from ml_engine.models import ease, popularity


def test_ease_ranks_the_missing_item_of_the_own_colour_first():
    dataset = checkerboard()
    scores = ease.fit(dataset, l2=1.0).scores(dataset.histories)
    best = top_items(scores, dataset.histories, 1)[:, 0]
    assert best.tolist() == [left_out_item(user) for user in range(40)]


def test_ease_agrees_with_the_published_equation():
    dataset = checkerboard(9, 5)
    x = dataset.histories.to_csr(5).toarray().astype(np.float64)
    inverse = np.linalg.inv(x.T @ x + 2.0 * np.eye(5))
    expected = -inverse / np.diag(inverse)[None, :]
    np.fill_diagonal(expected, 0.0)
    np.testing.assert_allclose(ease.fit(dataset, 2.0).weights, expected, atol=1e-5)


def test_ease_gives_items_without_events_no_weight():
    dataset = Dataset(["a", "b", "c"], [ItemContent()] * 3, Histories.from_rows([[0, 2], [2]]))
    weights = ease.fit(dataset, 1.0).weights
    assert weights[0, 2] > 0
    assert not weights[1].any()
    assert not weights[:, 1].any()


def test_ease_says_what_is_missing():
    with pytest.raises(NotEnoughData, match="an event"):
        ease.fit(Dataset([], [], Histories.from_rows([])), 1.0)


def test_popularity_orders_by_events_for_everybody():
    dataset = Dataset(["a", "b", "c"], [ItemContent()] * 3, Histories.from_rows([[0, 1], [1]]))
    scores = popularity.fit(dataset).scores(Histories.from_rows([[0], []]))
    np.testing.assert_allclose(scores, [[np.log(2) / np.log(3), 1, 0]] * 2, rtol=1e-6)
    assert scores.dtype == np.float32
