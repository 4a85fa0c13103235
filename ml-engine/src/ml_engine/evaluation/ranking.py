"""Ranking of the catalogue, or of sampled items, for users with held-out events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_engine.domain.interactions import Histories
from ml_engine.evaluation.splits import Split
from ml_engine.models.model import Model

USERS_PER_BATCH = 512


@dataclass(frozen=True, slots=True)
class Ranking:
    """`hits` bool (n_users, k) and `n_relevant` int64 (n_users,) of the evaluated users.

    `items` int64 (n_users, k) are those that were ranked, -1 where there were no more.
    """

    hits: np.ndarray
    items: np.ndarray
    n_relevant: np.ndarray

    def of(self, users: np.ndarray) -> Ranking:
        """The same of some of the evaluated users: bool (n_users,) or int64 (n,)."""
        return Ranking(self.hits[users], self.items[users], self.n_relevant[users])


def rank(model: Model, split: Split, k: int) -> Ranking:
    """Rank the items that each user of the split can get, the user's training items left out.

    Those are all items, or the split's negatives and the held-out ones. Scores are made in batches
    of users, so memory is bounded by batch times catalogue.
    """
    users = split.users
    depth = min(k, split.train.n_items)
    hits = np.zeros((len(users), k), bool)
    items = np.full((len(users), k), -1, np.int64)
    n_relevant = np.zeros(len(users), np.int64)
    for start in range(0, len(users), USERS_PER_BATCH):
        batch = slice(start, start + USERS_PER_BATCH)
        seen = split.train.histories.select(users[batch])
        held_out = split.held_out.select(users[batch])
        relevant = _membership(held_out, split.train.n_items)
        scores = model.scores(seen)
        if split.negatives is not None:
            negatives = _membership(split.negatives.select(users[batch]), split.train.n_items)
            scores = np.where(relevant | negatives, scores, -np.inf)
        top = top_items(scores, seen, depth)
        found = np.take_along_axis(relevant, np.maximum(top, 0), axis=1)
        hits[batch, :depth] = found & (top >= 0)
        items[batch, :depth] = top
        n_relevant[batch] = relevant.sum(axis=1)
    return Ranking(hits, items, n_relevant)


def top_items(scores: np.ndarray, seen: Histories, k: int) -> np.ndarray:
    """Best k unseen items a user, int64 (n_users, k), best first, k <= n_items.

    `scores` is float (n_users, n_items). Equal scores go to the lower item index; -1 fills up
    where a user has seen all others.
    """
    masked = np.array(scores, np.float32)
    masked[_membership(seen, masked.shape[1])] = -np.inf
    threshold = -np.partition(-masked, k - 1, axis=1)[:, k - 1 : k]
    # A partition splits ties at random: of the items at the threshold the first are kept.
    above = masked > threshold
    tied = masked == threshold
    room = k - above.sum(axis=1, keepdims=True)
    kept = above | (tied & (np.cumsum(tied, axis=1) <= room))
    top = np.nonzero(kept)[1].reshape(len(masked), k)
    values = np.take_along_axis(masked, top, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    top = np.take_along_axis(top, order, axis=1)
    return np.where(np.isneginf(np.take_along_axis(values, order, axis=1)), -1, top)


def _membership(histories: Histories, n_items: int) -> np.ndarray:
    """Dense bool (n_users, n_items), true where a user met an item."""
    member = np.zeros((histories.n_users, n_items), bool)
    member[histories.users, histories.items] = True
    return member
