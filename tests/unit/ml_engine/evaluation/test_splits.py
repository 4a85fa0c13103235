import numpy as np
import pytest

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.evaluation.splits import random_split, temporal_split


def _dataset(lengths: list[int]) -> Dataset:
    n_items = max(lengths)
    users = np.repeat(np.arange(len(lengths)), lengths)
    items = np.concatenate([np.arange(n) for n in lengths])
    shuffled = np.random.default_rng(0).permutation(len(users))
    histories = Histories.from_events(
        users[shuffled], items[shuffled], 100 + items[shuffled], len(lengths)
    )
    return Dataset([str(i) for i in range(n_items)], [ItemContent()] * n_items, histories)


def test_the_last_tenth_rounded_up_is_held_out():
    split = temporal_split(_dataset([1, 2, 10, 11, 30]))
    assert split.held_out.lengths.tolist() == [0, 1, 1, 2, 3]
    assert split.held_out.row(3)[0].tolist() == [9, 10]
    assert split.train.histories.row(3)[0].tolist() == list(range(9))
    assert split.users.tolist() == [1, 2, 3, 4]


def test_nothing_is_lost_and_nothing_is_in_both_parts():
    dataset = _dataset([1, 2, 25])
    for split in (temporal_split(dataset), random_split(dataset, seed=1)):
        for user in range(3):
            train, held = split.train.histories.row(user)[0], split.held_out.row(user)[0]
            assert sorted([*train, *held]) == sorted(dataset.histories.row(user)[0])


def test_a_random_split_follows_its_seed():
    dataset = _dataset([20, 20])
    first, same = random_split(dataset, seed=1), random_split(dataset, seed=1)
    assert first.held_out.items.tolist() == same.held_out.items.tolist()
    assert first.held_out.items.tolist() != random_split(dataset, seed=2).held_out.items.tolist()


def test_users_with_one_event_cannot_be_split():
    with pytest.raises(NotEnoughData, match="two or more events"):
        temporal_split(_dataset([1, 1]))
