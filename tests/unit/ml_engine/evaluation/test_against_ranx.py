"""The metrics of accuracy against those of ranx 0.3.21, user by user (see ranx_answers.py)."""

import json
from pathlib import Path

import numpy as np
import pytest

from ml_engine.evaluation.metrics import METRICS

KEPT = json.loads(Path(__file__).with_name("ranx_answers.json").read_text())
HITS = np.array([np.isin(*pair) for pair in zip(KEPT["rankings"], KEPT["relevant"], strict=True)])
N_RELEVANT = np.array([len(row) for row in KEPT["relevant"]])


def test_there_are_users_with_more_relevant_items_than_ranks():
    assert (HITS.shape[1] < N_RELEVANT).any()
    assert set(KEPT["measured"]) == set(METRICS)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_metric_is_that_of_ranx(name: str):
    ours = METRICS[name](HITS, N_RELEVANT)
    if name == "map":
        # ranx divides by all relevant items, RecBole as we do by those that k ranks have room for.
        ours = ours * np.minimum(N_RELEVANT, HITS.shape[1]) / N_RELEVANT
    np.testing.assert_allclose(ours, KEPT["measured"][name], rtol=1e-9)
