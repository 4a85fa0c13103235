import numpy as np
import pytest

from ml_engine.domain.interactions import Histories


def test_events_are_grouped_by_user_and_sorted_by_time():
    histories = Histories.from_events(
        np.array([1, 0, 1, 1]), np.array([4, 5, 6, 7]), np.array([9, 1, 3, 9]), 3
    )
    assert histories.lengths.tolist() == [1, 3, 0]
    assert histories.row(1)[0].tolist() == [6, 4, 7]
    assert histories.row(1)[1].tolist() == [3, 9, 9]
    assert (histories.items.dtype, histories.times.dtype) == (np.int32, np.int64)


def test_selected_users_keep_their_order_and_events():
    histories = Histories.from_rows([[1, 2], [], [3]])
    selected = histories.select(np.array([2, 1, 0]))
    assert [selected.row(user)[0].tolist() for user in range(3)] == [[3], [], [1, 2]]


def test_a_repeated_event_counts_once_in_the_matrix():
    matrix = Histories.from_rows([[1, 1], [0]]).to_csr(3)
    assert matrix.toarray().tolist() == [[0, 1, 0], [1, 0, 0]]


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="indptr"):
        Histories(np.array([0, 3]), np.zeros(2, np.int32), np.zeros(2, np.int64))


def test_making_a_matrix_leaves_the_order_of_events_alone():
    histories = Histories.from_rows([[2, 0, 1, 0]])
    histories.to_csr(3)
    assert histories.items.tolist() == [2, 0, 1, 0]


def test_weights_stay_with_their_events():
    histories = Histories.from_events(
        np.array([1, 0, 1]), np.array([4, 5, 6]), np.array([9, 1, 3]), 2, np.array([0.5, 2, 3])
    )
    assert histories.weights is not None
    assert histories.weights.tolist() == [2, 3, 0.5]
    kept = histories.keep(np.array([True, False, True]))
    assert kept.weights is not None
    assert kept.weights.tolist() == [2, 0.5]
    selected = histories.select(np.array([1]))
    assert selected.weights is not None
    assert selected.weights.tolist() == [3, 0.5]


def test_the_matrix_holds_the_largest_weight_of_a_pair():
    histories = Histories(
        np.array([0, 3, 4]),
        np.array([1, 0, 1, 2], np.int32),
        np.zeros(4, np.int64),
        np.array([2, 1, 5, 3], np.float32),
    )
    assert histories.to_csr(3).toarray().tolist() == [[1, 5, 0], [0, 0, 3]]
