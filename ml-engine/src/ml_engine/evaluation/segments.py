"""Rankings by segment: how well new users and the long tail are served."""

from __future__ import annotations

import numpy as np

from ml_engine.domain.interactions import Histories
from ml_engine.evaluation.ranking import Ranking
from ml_engine.evaluation.splits import Split

NEW_USER_EVENTS = 5
"""A user with at most so many training events is a new one."""

TAIL_SHARE = 0.2
"""The least popular items that together have at most this share of the events are the long tail."""


def new_users(ranking: Ranking, split: Split) -> Ranking:
    """The rankings of users with at most `NEW_USER_EVENTS` training events."""
    return ranking.of(split.train.histories.lengths[split.users] <= NEW_USER_EVENTS)


def long_tail(ranking: Ranking, split: Split) -> Ranking:
    """The same rankings, of which only items of the long tail are relevant.

    Without the users who have none of them held out.
    """
    tail = tail_items(split.train.histories, split.train.n_items)
    held_out = split.held_out.select(split.users)
    of_tail = held_out.keep(tail[held_out.items]).to_csr(split.train.n_items)
    relevant = np.diff(of_tail.indptr)
    hits = ranking.hits & tail[np.maximum(ranking.items, 0)]
    return Ranking(hits, ranking.items, relevant).of(relevant > 0)


def tail_items(histories: Histories, n_items: int) -> np.ndarray:
    """Whether an item is of the long tail, bool (n_items,); items of as many events go together."""
    counts = np.bincount(histories.items, minlength=n_items)
    values, of_item, n_alike = np.unique(counts, return_inverse=True, return_counts=True)
    events_up_to = np.cumsum(values * n_alike)
    return (events_up_to <= TAIL_SHARE * histories.n_events)[of_item]


SEGMENTS = {"new_users": new_users, "long_tail": long_tail}
