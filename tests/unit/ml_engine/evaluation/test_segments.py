import numpy as np

from ml_engine.domain.interactions import Dataset, Histories, ItemContent
from ml_engine.evaluation.ranking import Ranking
from ml_engine.evaluation.segments import NEW_USER_EVENTS, long_tail, new_users, tail_items
from ml_engine.evaluation.splits import Split


def test_the_tail_is_the_least_popular_fifth_of_the_events():
    # 40, 8, 1 and 1 events: those with one have 4 %, those with up to eight 20 %.
    histories = Histories.from_rows([[0] * 40 + [1] * 8 + [2, 3]])
    assert tail_items(histories, 5).tolist() == [False, True, True, True, True]


def test_items_of_as_many_events_are_all_of_the_tail_or_none():
    assert tail_items(Histories.from_rows([[0, 1, 2, 3]]), 4).tolist() == [False] * 4


def _split() -> Split:
    # Item 0 is popular; 1, 2 and 3 are the tail.
    rows = [[0] * (NEW_USER_EVENTS + 1), [0] * NEW_USER_EVENTS, [0, 1, 2], []]
    train = Dataset(list("abcd"), [ItemContent()] * 4, Histories.from_rows(rows))
    return Split(train, Histories.from_rows([[3], [1, 2], [], [0, 3]]), "by hand")


RANKING = Ranking(
    hits=np.array([[True, False], [False, True], [True, True]]),
    items=np.array([[3, 0], [0, 2], [0, 3]]),
    n_relevant=np.array([1, 2, 2]),
)


def test_new_users_have_few_events_or_none():
    segment = new_users(RANKING, _split())
    assert segment.items.tolist() == [[0, 2], [0, 3]]
    assert segment.n_relevant.tolist() == [2, 2]


def test_of_the_long_tail_only_its_items_are_relevant():
    segment = long_tail(RANKING, _split())
    assert segment.hits.tolist() == [[True, False], [False, True], [False, True]]
    assert segment.n_relevant.tolist() == [1, 2, 1]


def test_users_without_items_of_the_tail_are_not_of_its_segment():
    split = _split()
    held_out = Histories.from_rows([[3], [1], [], [0]])
    segment = long_tail(RANKING, Split(split.train, held_out, "by hand"))
    assert segment.n_relevant.tolist() == [1, 1]
