"""Settings of the two-tower model."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DescentParameters:
    """How tables are learned by gradients; `epochs` 0 is not at all."""

    epochs: int = 0
    rank: int = 255
    """With the dimension of popularity, 256."""
    damping: float = 20.0
    """Added to the degrees of users and items for the spectrum that the descent starts from."""
    travel: float = 7.0
    """Steps of an item in all, in shares of a typical entry of its vector, if none became smaller.

    The rate of learning follows: the oftener items are in a batch, the smaller is each step. It
    falls by a straight line to 0 after the last epoch.
    """
    length: float = 8.0
    """Length of a user vector: the inverse of the softmax's temperature."""
    least_left_out: float = 0.3
    most_left_out: float = 0.7
    """Shares of a history that are left out, drawn evenly between these."""
    popularity_weight: float = 1.0
    """What an item's log-popularity counts while the tables are learned."""
    guide_rank: int = 0
    """Dimensions of the spectrum that guides the descent; 0 is no guide."""
    guide_share: float = 0.3
    """Length of the guide's part of a typical user vector, in lengths of the learned part."""
    guidance: float = 0.6
    """Share of the loss that asks for what the tables say with the guide beside them."""
    user_power: float = 0.9
    """A user with n left-out events counts n^user_power times."""
    users_per_batch: int = 256
    batches: int = 48
    """Batches an epoch at least, unless they would be very small."""
    sampled_items: int = 1000
    """Items beside the answers that stand for the catalogue in a batch, about."""
    sample_power: float = 0.5
    """An item's chance to be sampled grows with its events to this power."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TwoTowerParameters:
    """What fitting may be told; the defaults were chosen on validation data.

    The vectors have the dimensions of all ranks, fewer where the data is small, and one more
    that carries an item's popularity.
    """

    trend_rank: int = 12
    trend_knots: int = 64
    """Moments at which the trend is estimated, between which it is interpolated."""
    trend_days: float = 30.0
    """Time constant of the popularity that the trend is made of, in days."""

    similarity_rank: int = 32
    """0 leaves EASE out."""
    similarity_items: int = 4096
    """Most popular items whose similarities are taken from EASE."""
    similarity_l2: float = 300.0
    similarity_user_power: float = 0.0
    """A user with n events counts n^-similarity_user_power times in EASE's equations."""
    similarity_gain: float = 30.0
    """How many nats a full EASE score is worth, where nothing is learned beside it."""
    transition_share: float = 0.0
    """What comes next, for each EASE score, where events have times; 0 leaves it out."""
    transition_l2: float = 10.0

    descent: DescentParameters = field(default_factory=DescentParameters)
    similarity_share: float = 0.25
    """Length of EASE's part of a typical user vector, in lengths of the learned part beside it."""
    spectral_rank: int = 0
    """Dimensions of the spectrum beside what is learned; 0 leaves it out."""
    spectral_share: float = 0.5
    """As `similarity_share`, of the spectrum's part."""

    popularity_weight: float = 1.0
    """What an item's log-popularity counts beside all other parts of a score."""

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
