import numpy as np
import pytest

from ml_engine.domain.interactions import Histories
from ml_engine.evaluation.beyond_accuracy import coverage, diversity, novelty, popularity_bias

EVENTS = np.array([7, 3, 1, 1])
ITEMS = np.array([[0, 1], [2, -1]])


def test_coverage_is_the_share_of_items_that_anybody_gets():
    assert coverage(ITEMS, 4) == 0.75
    assert coverage(np.array([[-1, -1]]), 4) == 0


def test_novelty_is_self_information_in_bits():
    # 12 events and 4 items: shares of 8/16, 4/16 and 2/16.
    np.testing.assert_allclose(novelty(ITEMS, EVENTS), [1.5, 3])


def test_popularity_is_a_percentile_and_equals_share_theirs():
    # The two least popular items have the places 0 and 1 of 3.
    np.testing.assert_allclose(popularity_bias(ITEMS, EVENTS), [(1 + 2 / 3) / 2, 1 / 6])


def test_items_at_random_have_no_bias():
    rng = np.random.default_rng(0)
    events = rng.integers(0, 50, 200)
    items = rng.integers(0, 200, (4_000, 10))
    assert popularity_bias(items, events).mean() == pytest.approx(0.5, abs=0.01)


def test_an_empty_ranking_is_no_failure():
    nothing = np.full((1, 3), -1)
    assert novelty(nothing, EVENTS).tolist() == [0]
    assert popularity_bias(nothing, np.array([5])).tolist() == [0]


def test_diversity_is_the_mean_distance_of_pairs_by_who_met_them():
    # Item 0 has users {0, 1}, item 1 {0, 1}, item 2 {1, 2, 3, 4}, item 3 nobody.
    histories = Histories.from_rows([[0, 1, 1], [0, 1, 2], [2], [2], [2]])
    rankings = np.array([[0, 1, -1], [0, 2, -1], [0, 1, 2], [0, 3, -1], [2, -1, -1], [-1, -1, -1]])
    of_0_and_2 = 1 - 1 / (2 * 4) ** 0.5
    expected = [0, of_0_and_2, 2 * of_0_and_2 / 3, 1, 0, 0]
    np.testing.assert_allclose(diversity(rankings, histories, 4), expected, atol=1e-6)


def test_a_ranking_of_one_item_has_no_diversity():
    assert diversity(np.array([[0]]), Histories.from_rows([[0]]), 1).tolist() == [0]
