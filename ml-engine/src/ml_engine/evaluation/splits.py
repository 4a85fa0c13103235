"""Splits of interactions into what a model sees and what it has to predict."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset, Histories


@dataclass(frozen=True, slots=True)
class Split:
    """`train` to fit on and to encode users from, `held_out` to predict (same users, items).

    `held_by` says in words what is held out. `negatives` (same users) are ranked with the held-out
    items alone; None ranks all items.
    """

    train: Dataset
    held_out: Histories
    held_by: str
    negatives: Histories | None = None

    def __post_init__(self) -> None:
        parts = (self.held_out, self.negatives or self.held_out)
        if any(part.n_users != self.train.histories.n_users for part in parts):
            raise ValueError("all parts of a split must have the same users")

    @property
    def protocol(self) -> str:
        """What is held out and what is ranked, in words."""
        if self.negatives is None:
            return f"{self.held_by}; full ranking over the catalogue, training items left out"
        mean = self.negatives.lengths[self.users].mean()
        return f"{self.held_by}; ranked against {mean:.4g} sampled items a user"

    @property
    def users(self) -> np.ndarray:
        """Users with something to predict, int64 (n,)."""
        return np.flatnonzero(self.held_out.lengths)


def given_split(train: Dataset, held_out: Histories, held_by: str) -> Split:
    """A split from elsewhere, without held-out items that the user has in `train`.

    Those are never recommended, so no ranking could find them. Raises NotEnoughData where no user
    has any other.
    """
    trained = _pairs(train.histories, train.n_items)
    new = ~np.isin(_pairs(held_out, train.n_items), trained)
    if not new.any():
        raise NotEnoughData("a user whose last events have an item that is new to them")
    return Split(train, held_out.keep(new), held_by)


def temporal_split(dataset: Dataset, share: float = 0.1) -> Split:
    """Hold out each user's last `share` of the events, rounded up, by time.

    Users with one event keep it for training. Raises NotEnoughData where no user has two.
    """
    histories = dataset.histories
    lengths = histories.lengths
    # Rounded first, so that 0.1 * 30 = 3.0000000000000004 holds out three events, not four.
    n_held = np.where(lengths >= 2, np.ceil(np.round(share * lengths, 9)), 0).astype(np.int64)
    n_held = np.minimum(np.maximum(n_held, lengths >= 2), np.maximum(lengths - 1, 0))
    if not n_held.any():
        raise NotEnoughData("a user with two or more events")
    held_by = (
        f"for each user with at least two events the last {share:.0%} of the events by time "
        "(rounded up) are held out"
    )
    return _without_newest(dataset, n_held, held_by)


def leave_one_out(dataset: Dataset) -> Split:
    """Hold out the last event by time of each user with two or more.

    Raises NotEnoughData where no user has two.
    """
    n_held = (dataset.histories.lengths >= 2).astype(np.int64)
    if not n_held.any():
        raise NotEnoughData("a user with two or more events")
    return _without_newest(dataset, n_held, "the last event of each user with two is held out")


def split_at_moment(dataset: Dataset, share: float = 0.1) -> Split:
    """Hold out whatever happened in the last `share` of the events, of users unknown before too.

    The one split in which a model knows nothing of the time that it is asked about. Raises
    NotEnoughData where all events are of one time.
    """
    histories = dataset.histories
    if not histories.has_times:
        raise NotEnoughData("events with times")
    in_time = np.sort(histories.times)
    moment = in_time[int(len(in_time) * (1 - share))]
    # Events of one time stay together: with the later ones, unless nothing were before them.
    held = histories.times >= moment if moment > in_time[0] else histories.times > moment
    held_by = f"all events of the last {share:.0%} by time are held out, at one moment for all"
    return _parted(dataset, held, held_by)


def against_sampled(split: Split, n_negatives: int, seed: int = 0) -> Split:
    """The same split, ranked against `n_negatives` items a user that the user never met.

    Drawn evenly without repetition, all of them where there are fewer. Sampled ranking is for
    figures that were published so: it need not order models as full ranking does (Krichene and
    Rendle, 2020).
    """
    rng = np.random.default_rng(seed)
    train, held_out, n_items = split.train.histories, split.held_out, split.train.n_items
    rows: list[list[int]] = [[] for _ in range(train.n_users)]
    for user in split.users:
        unmet = np.ones(n_items, bool)
        unmet[train.row(user)[0]] = False
        unmet[held_out.row(user)[0]] = False
        candidates = np.flatnonzero(unmet)
        n_drawn = min(n_negatives, len(candidates))
        rows[user] = rng.choice(candidates, n_drawn, replace=False).tolist()
    return replace(split, negatives=Histories.from_rows(rows))


def _without_newest(dataset: Dataset, n_held: np.ndarray, held_by: str) -> Split:
    """Hold out the newest `n_held` events, int64 (n_users,), of each user."""
    histories = dataset.histories
    first_held = histories.indptr[1:] - n_held
    held = np.arange(histories.n_events) >= np.repeat(first_held, histories.lengths)
    return _parted(dataset, held, held_by)


def _parted(dataset: Dataset, held: np.ndarray, held_by: str) -> Split:
    histories = dataset.histories
    train = replace(dataset, histories=histories.keep(~held))
    return given_split(train, histories.keep(held), held_by)


def _pairs(histories: Histories, n_items: int) -> np.ndarray:
    """A number for each event's user and item, int64 (nnz,): equal where both are."""
    return histories.users * n_items + histories.items


def random_split(dataset: Dataset, share: float = 0.1, seed: int = 0) -> Split:
    """Hold out a random `share` of each user's events: the counterpart for data without times."""
    histories = dataset.histories
    shuffled = np.random.default_rng(seed).permutation(histories.n_events)
    order = shuffled[np.argsort(histories.users[shuffled], kind="stable")]
    weights = None if histories.weights is None else histories.weights[order]
    mixed = Histories(histories.indptr, histories.items[order], histories.times[order], weights)
    split = temporal_split(replace(dataset, histories=mixed), share)
    held_by = split.held_by.replace("last", "random").replace(" by time", "")
    return replace(split, held_by=held_by)
