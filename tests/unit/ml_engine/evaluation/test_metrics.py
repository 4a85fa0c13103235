import math

import numpy as np
import pytest

from ml_engine.evaluation import metrics
from ml_engine.evaluation.bootstrap import intervals

# Held out: 3 items, found at ranks 1 and 3 of 4; then 1 item, not found.
HITS = np.array([[True, False, True, False], [False, False, False, False]])
N_RELEVANT = np.array([3, 1])


def test_ndcg():
    gain = 1 + 1 / math.log2(4)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    np.testing.assert_allclose(metrics.ndcg(HITS, N_RELEVANT), [gain / ideal, 0])


def test_average_precision():
    expected = [(1 / 1 + 2 / 3) / 3, 0]
    np.testing.assert_allclose(metrics.average_precision(HITS, N_RELEVANT), expected)


def test_precision_recall_and_hit_rate():
    np.testing.assert_allclose(metrics.precision(HITS, N_RELEVANT), [0.5, 0])
    np.testing.assert_allclose(metrics.recall(HITS, N_RELEVANT), [2 / 3, 0])
    np.testing.assert_allclose(metrics.hit_rate(HITS, N_RELEVANT), [1, 0])


def test_a_perfect_ranking_of_more_items_than_k_scores_one():
    hits, relevant = np.ones((1, 2), bool), np.array([5])
    assert metrics.ndcg(hits, relevant)[0] == pytest.approx(1)
    assert metrics.average_precision(hits, relevant)[0] == pytest.approx(1)


def test_reciprocal_rank():
    hits = np.array([[False, False, True, True], [True, False, False, False], [False] * 4])
    np.testing.assert_allclose(metrics.reciprocal_rank(hits, np.array([2, 1, 1])), [1 / 3, 1, 0])


def test_intervals_hold_their_means_and_are_repeatable():
    rng = np.random.default_rng(0)
    measures = {"even": rng.random(500), "constant": np.full(500, 0.25)}
    first = intervals(measures, seed=3)
    even = first["even"]
    assert even.low < even.mean < even.high
    width = 2 * 1.96 * measures["even"].std() / 500**0.5
    assert even.high - even.low == pytest.approx(width, rel=0.15)
    constant = first["constant"]
    assert (constant.low, constant.mean, constant.high) == pytest.approx((0.25, 0.25, 0.25))
    assert intervals(measures, seed=3) == first


def test_a_measure_has_the_interval_that_it_has_alone():
    rng = np.random.default_rng(0)
    one, other = rng.random(50), rng.random(50)
    both = intervals({"one": one, "other": other}, seed=1)
    alone = intervals({"one": one}, seed=1)["one"]
    assert (both["one"].low, both["one"].high) == pytest.approx((alone.low, alone.high))


def test_an_interval_needs_values():
    with pytest.raises(ValueError, match="at least one"):
        intervals({"none": np.zeros(0)}, seed=0)
