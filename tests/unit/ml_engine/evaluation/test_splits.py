import numpy as np
import pytest

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.evaluation.splits import (
    Split,
    against_sampled,
    given_split,
    leave_one_out,
    random_split,
    split_at_moment,
    temporal_split,
)


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


def test_leave_one_out_holds_out_the_last_event():
    split = leave_one_out(_dataset([1, 2, 10]))
    assert split.held_out.lengths.tolist() == [0, 1, 1]
    assert split.held_out.row(2)[0].tolist() == [9]
    assert split.train.histories.lengths.tolist() == [1, 1, 9]
    with pytest.raises(NotEnoughData, match="two or more events"):
        leave_one_out(_dataset([1]))


def _timed(users: list[int], items: list[int], times: list[int]) -> Dataset:
    n_items = max(items) + 1
    columns = (np.array(column) for column in (users, items, times))
    histories = Histories.from_events(*columns, max(users) + 1)
    return Dataset([str(i) for i in range(n_items)], [ItemContent()] * n_items, histories)


def test_a_split_at_a_moment_knows_nothing_of_later_times():
    dataset = _timed([0, 0, 1, 1, 2], [0, 1, 0, 2, 3], [1, 4, 2, 3, 5])
    split = split_at_moment(dataset, share=0.4)
    assert split.train.histories.lengths.tolist() == [1, 2, 0]
    assert split.users.tolist() == [0, 2]
    assert split.held_out.row(2)[0].tolist() == [3]


def test_events_of_one_moment_stay_together():
    at_the_end = _timed([0, 0, 1, 1], [0, 1, 0, 2], [1, 7, 7, 7])
    assert split_at_moment(at_the_end, share=0.25).train.histories.n_events == 1
    at_the_start = _timed([0, 0, 1, 1], [0, 1, 0, 2], [1, 1, 1, 7])
    assert split_at_moment(at_the_start, share=0.5).train.histories.n_events == 3
    with pytest.raises(NotEnoughData, match="times"):
        split_at_moment(_timed([0, 1], [0, 1], [3, 3]))


def test_an_item_that_the_user_has_is_nothing_to_predict():
    dataset = _timed([0, 0, 0, 1, 1], [0, 1, 0, 2, 3], [1, 2, 3, 1, 2])
    split = leave_one_out(dataset)
    assert split.users.tolist() == [1]
    train, held_out = Histories.from_rows([[0, 1]]), Histories.from_rows([[1, 2]])
    given = given_split(Dataset(list("abc"), [ItemContent()] * 3, train), held_out, "by hand")
    assert given.held_out.items.tolist() == [2]
    with pytest.raises(NotEnoughData, match="new to them"):
        leave_one_out(_timed([0, 0, 0], [0, 0, 0], [1, 2, 3]))


def test_sampled_items_are_none_that_the_user_met_and_follow_the_seed():
    split = leave_one_out(_dataset([2, 25, 40]))
    sampled = against_sampled(split, 10, seed=1)
    assert sampled.negatives is not None
    # The second has met 25 of 40 items, the third all.
    assert sampled.negatives.lengths.tolist() == [10, 10, 0]
    drawn = sampled.negatives.row(1)[0].tolist()
    assert len(set(drawn)) == 10
    assert min(drawn) >= 25
    assert against_sampled(split, 10, seed=1).negatives.items.tolist() == (
        sampled.negatives.items.tolist()
    )
    other = against_sampled(split, 10, seed=2).negatives
    assert other.items.tolist() != sampled.negatives.items.tolist()
    assert "against 6.667 sampled items" in sampled.protocol


def test_the_parts_of_a_split_have_the_same_users():
    train = Dataset(["a"], [ItemContent()], Histories.from_rows([[0], [0]]))
    with pytest.raises(ValueError, match="same users"):
        Split(train, Histories.from_rows([[0]]), "by hand")
