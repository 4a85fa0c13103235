"""Settings of the models of item-to-item weights."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HistoryParameters:
    """How a history is weighed; validation chooses both for each data set."""

    position_power: float = 0.0
    """The p-th newest event weighs p^-position_power."""
    gain: float = 0.01
    """What the most popular item's popularity is worth, in weights of an event."""


@dataclass(frozen=True, slots=True)
class EaseParameters:
    """What fitting EASE may be told."""

    l2: float = 500.0
    """The ridge penalty, in events."""
    exact_items: int = 4096
    """Larger catalogues are fitted by `neighbours`; of these all weights are kept, 128 MB."""
    neighbours: int = 64
    """Most similar items that the weights for an item are found among, beyond `exact_items`."""
    history: HistoryParameters = HistoryParameters()


@dataclass(frozen=True, slots=True)
class ItemKnnParameters:
    """What fitting of nearest items may be told."""

    shrinkage: float = 20.0
    """Added to the product of the norms, so that few common users say little."""
    neighbours: int = 200
    """Most similar items that an item leads to."""
    history: HistoryParameters = HistoryParameters()
