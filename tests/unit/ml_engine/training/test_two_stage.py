"""Fitting of two stages: the second is learned on what the first one has never seen."""

from dataclasses import replace

import numpy as np
import pytest

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.evaluation.splits import random_split
from ml_engine.evaluation.validation import quality
from ml_engine.models.two_stage import TwoStageParameters
from ml_engine.models.two_tower import TwoTowerParameters
from ml_engine.models.two_tower.fit import fit as fit_towers
from ml_engine.training.two_stage import fit

COARSE = TwoStageParameters(TwoTowerParameters(similarity_rank=4))
"""Towers of too few dimensions to tell tribes apart."""


def tribes(n_users: int = 600, n_items: int = 120, seed: int = 0) -> Dataset:
    """Each user has met items of two of twenty tribes, and popular ones of others."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n_users):
        own = rng.choice(20, 2, replace=False)
        near = np.flatnonzero(np.isin(np.arange(n_items) % 20, own))
        far = rng.choice(n_items, 3, p=np.arange(n_items, 0, -1) / (n_items * (n_items + 1) / 2))
        rows.append(sorted({*rng.choice(near, 7, replace=False).tolist(), *far.tolist()}))
    ids = [str(item) for item in range(n_items)]
    return Dataset(ids, [ItemContent()] * n_items, Histories.from_rows(rows))


def test_it_finds_what_its_towers_pass_over() -> None:
    split = random_split(tribes(), seed=1)
    towers = quality(fit_towers(split.train, COARSE.towers), split)
    assert quality(fit(split.train, COARSE, seed=0), split) > 1.5 * towers


def test_the_same_data_and_seed_give_the_same_model() -> None:
    dataset, heard = tribes(200), list[float]()
    one, same = fit(dataset, COARSE, 0, heard.append), fit(dataset, COARSE, 0)
    np.testing.assert_array_equal(one.network.hidden, same.network.hidden)
    np.testing.assert_array_equal(one.item_vectors, same.item_vectors)
    np.testing.assert_array_equal(one.neighbours.weights, same.neighbours.weights)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


def test_the_towers_that_serve_have_seen_everything() -> None:
    dataset = tribes(200)
    alone = fit_towers(dataset, COARSE.towers)
    np.testing.assert_array_equal(fit(dataset, COARSE, 0).item_vectors, alone.item_vectors)


def test_of_too_little_to_hold_out_nothing_is_corrected() -> None:
    little = replace(tribes(2), histories=Histories.from_rows([[0, 1], [2]]))
    model = fit(little, COARSE, seed=0)
    assert not model.network.output.any()
    nothing = Dataset([], [], Histories.from_rows([]))
    with pytest.raises(NotEnoughData, match="an item"):
        fit(nothing, COARSE, seed=0)
