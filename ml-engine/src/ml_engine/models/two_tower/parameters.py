"""Settings of the two-tower model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TwoTowerParameters:
    """What fitting may be told; the defaults were chosen on validation data.

    The vectors have the dimensions of both ranks, fewer where the data is small, and one more
    that carries an item's popularity.
    """

    trend_rank: int = 12
    trend_knots: int = 64
    """Moments at which the trend is estimated, between which it is interpolated."""
    trend_days: float = 30.0
    """Time constant of the popularity that the trend is made of, in days."""

    similarity_rank: int = 32
    similarity_items: int = 4096
    """Most popular items whose similarities are taken from EASE."""
    similarity_l2: float = 300.0
    similarity_gain: float = 30.0
    """How many nats a full EASE score is worth."""

    position_power: float = 0.7
    """The p-th newest event weighs p^-position_power, where events have times."""
    decay_per_day: float = 0.1
    """Rate at which an event's weight falls with its age, where events have times."""
    normalisation: float = 0.5
    """Exponent of the sum of weights that a history is divided by."""
    max_history: int = 30
    """Newest events of a history that count, where events have times."""

    content_min_items: int = 3
    """Features of fewer items than this are left out."""
