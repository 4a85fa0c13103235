"""Interactions of users with items, in the layout that models train on and encode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MILLISECONDS_PER_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Histories:
    """What each user interacted with, oldest first.

    `indptr` int64 (n_users + 1,), `items` int32 (nnz,) item indexes, `times` int64 (nnz,)
    milliseconds since the epoch: user i's events are `indptr[i]:indptr[i + 1]` of both.
    A source without times sets all of them to 0. `weights` float32 (nnz,), all above 0, say how
    much each event counts; None is a weight of 1 for every event.
    """

    indptr: np.ndarray
    items: np.ndarray
    times: np.ndarray
    weights: np.ndarray | None = None

    def __post_init__(self) -> None:
        if len(self.indptr) == 0 or self.indptr[0] != 0 or self.indptr[-1] != len(self.items):
            raise ValueError("indptr must start at 0 and end at the number of events")
        if len(self.items) != len(self.times):
            raise ValueError("items and times must be of equal length")
        if self.weights is not None and len(self.weights) != len(self.items):
            raise ValueError("each event needs its weight, or none has one")

    @classmethod
    def from_events(
        cls,
        users: np.ndarray,
        items: np.ndarray,
        times: np.ndarray,
        n_users: int,
        weights: np.ndarray | None = None,
    ) -> Histories:
        """Group events, in any order, by user and sort each user's by time.

        `users`, `items` and `times` are integers of shape (nnz,), `weights` as above; events of
        one user at the same time keep the order in which they were given.
        """
        order = np.lexsort((times, users))
        indptr = np.zeros(n_users + 1, np.int64)
        np.cumsum(np.bincount(users, minlength=n_users), out=indptr[1:])
        sorted_weights = None if weights is None else weights[order].astype(np.float32)
        return cls(
            indptr, items[order].astype(np.int32), times[order].astype(np.int64), sorted_weights
        )

    @classmethod
    def from_rows(cls, rows: list[list[int]]) -> Histories:
        """Histories without times from one list of item indexes a user."""
        lengths = np.array([len(row) for row in rows], np.int64)
        indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        items = np.array([item for row in rows for item in row], np.int32)
        return cls(indptr, items, np.zeros(len(items), np.int64))

    @property
    def n_users(self) -> int:
        """Number of users, those without events included."""
        return len(self.indptr) - 1

    @property
    def n_events(self) -> int:
        """Number of events over all users."""
        return len(self.items)

    @property
    def lengths(self) -> np.ndarray:
        """Events of each user, int64 (n_users,)."""
        return np.diff(self.indptr)

    @property
    def users(self) -> np.ndarray:
        """The user of each event, int64 (nnz,)."""
        return np.repeat(np.arange(self.n_users), self.lengths)

    @property
    def has_times(self) -> bool:
        """Whether times tell events apart; else the order of events means nothing."""
        return len(self.times) > 1 and bool(self.times.min() != self.times.max())

    def row(self, user: int) -> tuple[np.ndarray, np.ndarray]:
        """One user's items int32 (L,) and times int64 (L,), oldest first."""
        events = slice(self.indptr[user], self.indptr[user + 1])
        return self.items[events], self.times[events]

    def emphasis(self, user: int) -> np.ndarray | None:
        """The weights of one user's events, float32 (L,), None for ones."""
        if self.weights is None:
            return None
        return self.weights[self.indptr[user] : self.indptr[user + 1]]

    def select(self, users: np.ndarray) -> Histories:
        """Histories of the given user indexes, in their order."""
        lengths = self.lengths[users]
        indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        within = np.arange(indptr[-1]) - np.repeat(indptr[:-1], lengths)
        events = np.repeat(self.indptr[users], lengths) + within
        return Histories(indptr, self.items[events], self.times[events], self._weights_of(events))

    def keep(self, mask: np.ndarray) -> Histories:
        """The same users with only the events where `mask`, bool (nnz,), is true."""
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(mask, dtype=np.int64)])
        return Histories(
            before[self.indptr], self.items[mask], self.times[mask], self._weights_of(mask)
        )

    def item_weights(self, n_items: int) -> np.ndarray:
        """The sum of the weights of each item's events, (n_items,): their number if all are 1."""
        return np.bincount(self.items, self.weights, minlength=n_items)

    def _weights_of(self, events: np.ndarray) -> np.ndarray | None:
        return None if self.weights is None else self.weights[events]

    def to_csr(self, n_items: int) -> csr_matrix:
        """Sparse float32 matrix of shape (n_users, n_items).

        An entry is the largest weight of the user's events with the item.
        """
        from scipy.sparse import csr_matrix  # noqa: PLC0415  serving runs without SciPy

        users = self.users
        order = np.lexsort((self.items, users))
        sorted_users, sorted_items = users[order], self.items[order]
        changes = np.diff(sorted_users, prepend=-1) | np.diff(sorted_items, prepend=-1)
        first = np.flatnonzero(changes)
        data = np.ones(len(first), np.float32)
        if self.weights is not None and len(first):
            data = np.maximum.reduceat(self.weights[order], first)
        indptr = np.zeros(self.n_users + 1, np.int64)
        np.cumsum(np.bincount(sorted_users[first], minlength=self.n_users), out=indptr[1:])
        return csr_matrix((data, sorted_items[first], indptr), shape=(self.n_users, n_items))


@dataclass(frozen=True, slots=True)
class ItemContent:
    """What is known of an item before anyone has met it."""

    title: str | None = None
    categories: tuple[str, ...] = ()
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """A catalogue with its interactions: `item_ids[k]` and `contents[k]` describe item k."""

    item_ids: list[str]
    contents: list[ItemContent]
    histories: Histories

    def __post_init__(self) -> None:
        if len(self.item_ids) != len(self.contents):
            raise ValueError("each item needs its content, an empty ItemContent() at least")

    @property
    def n_items(self) -> int:
        """Number of items in the catalogue."""
        return len(self.item_ids)
