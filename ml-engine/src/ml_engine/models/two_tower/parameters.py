"""Settings of the two-tower model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TwoTowerParameters:
    """What fitting may be told; the defaults were chosen on validation data.

    The vectors have `dimensions` + 1 dimensions: the last one carries an item's popularity.
    """

    dimensions: int = 44
    trend_rank: int = 12
    """Dimensions of the trend."""
    similarity_rank: int = 32
    """Dimensions that start from EASE's item similarities."""
    seed: int = 0

    # The user tower; training may change the first three where events have times.
    position_power: float = 0.7
    """The p-th newest event weighs p^-position_power."""
    decay_per_day: float = 0.1
    normalisation: float = 0.5
    """Exponent of the sum of weights that a history is divided by."""
    max_history: int = 30
    """Newest events of a history that count, where events have times."""

    # The closed form.
    trend_knots: int = 64
    trend_days: float = 30.0
    """Time constant of the popularity that the trend is made of, in days."""
    similarity_items: int = 4096
    """Most popular items whose similarities are taken from EASE."""
    similarity_l2: float = 300.0
    similarity_gain: float = 30.0
    """How many nats a full EASE score is worth."""
    content_min_items: int = 3
    """Features of fewer items than this are left out."""

    # Gradient training.
    epochs: int = 0
    """Passes over the events; 0 leaves the closed form as it is."""
    max_steps: int = 20_000
    """Bound on gradient steps, which bounds the time on large data; it cuts epochs short."""
    batch_size: int = 512
    learning_rate: float = 3e-3
    dropout: float = 0.2
    """Share of the user vector's dimensions dropped in training."""
    row_l2: float = 1e-4
    """Pull of the items' rows towards the closed form."""
    content_l2: float = 1e-4
    trend_l2: float = 1e-5
    """Pull of the trend and of the popularities towards the closed form."""
    user_weighting: float = 0.5
    """Examples of a user with n of them weigh n^-user_weighting."""
    head_items: int = 1024
    """Most popular items that are negatives in every step."""
    tail_items: int = 512
    """Negatives drawn from the other items in each step."""
    content_features: int = 128
    """Most frequent features of items that take part in training."""
