"""Settings of the two-stage model."""

from __future__ import annotations

from dataclasses import dataclass, field

from ml_engine.models.two_tower import TwoTowerParameters


@dataclass(frozen=True, slots=True)
class NetworkParameters:
    """How the network is learned; the defaults were chosen on validation data."""

    units: int = 32
    epochs: int = 20
    users_per_batch: int = 64
    rate: float = 0.01
    """Of the first step; it falls by a straight line to 0."""
    kept_back: float = 0.1
    """Share of the users by whom it is told when the network is best."""


@dataclass(frozen=True, slots=True)
class TwoStageParameters:
    """What fitting may be told: the first stage, and what the second one sees."""

    towers: TwoTowerParameters = field(default_factory=TwoTowerParameters)
    network: NetworkParameters = field(default_factory=NetworkParameters)
    depth: int = 200
    """Candidates that are re-ranked."""
    neighbours: int = 200
    """Most similar items of each, by who met them, whose similarities are kept."""
    shrinkage: float = 20.0
    """Added to what these similarities are divided by: the smaller the rarer two items are."""
