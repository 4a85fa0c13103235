import math

import numpy as np
import pytest

from ml_engine.evaluation import metrics
from ml_engine.evaluation.bootstrap import interval

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


def test_the_interval_holds_the_mean_and_is_repeatable():
    values = np.random.default_rng(0).random(500)
    first = interval(values, seed=3)
    assert first.low < first.mean < first.high
    assert first.high - first.low == pytest.approx(2 * 1.96 * values.std() / 500**0.5, rel=0.15)
    assert interval(values, seed=3) == first


def test_an_interval_needs_values():
    with pytest.raises(ValueError, match="at least one"):
        interval(np.zeros(0), seed=0)
