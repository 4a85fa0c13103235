"""Splits of interactions into what a model sees and what it has to predict."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset, Histories


@dataclass(frozen=True, slots=True)
class Split:
    """`train` to fit on and to encode users from, `held_out` to predict (same users, items)."""

    train: Dataset
    held_out: Histories
    protocol: str

    @property
    def users(self) -> np.ndarray:
        """Users with something to predict, int64 (n,)."""
        return np.flatnonzero(self.held_out.lengths)


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
    first_held = histories.indptr[1:] - n_held
    held = np.arange(histories.n_events) >= np.repeat(first_held, lengths)
    protocol = (
        f"for each user with at least two events the last {share:.0%} of the events by time "
        "(rounded up) are held out; full ranking over the catalogue, training items left out"
    )
    return Split(
        train=replace(dataset, histories=histories.keep(~held)),
        held_out=histories.keep(held),
        protocol=protocol,
    )


def random_split(dataset: Dataset, share: float = 0.1, seed: int = 0) -> Split:
    """Hold out a random `share` of each user's events: the counterpart for data without times."""
    histories = dataset.histories
    shuffled = np.random.default_rng(seed).permutation(histories.n_events)
    order = shuffled[np.argsort(histories.users[shuffled], kind="stable")]
    weights = None if histories.weights is None else histories.weights[order]
    mixed = Histories(histories.indptr, histories.items[order], histories.times[order], weights)
    split = temporal_split(replace(dataset, histories=mixed), share)
    protocol = split.protocol.replace("last", "random").replace(" by time", "")
    return replace(split, protocol=protocol)
