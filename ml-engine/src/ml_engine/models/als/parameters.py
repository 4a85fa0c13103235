"""Settings of ALS."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AlsParameters:
    """What fitting may be told; jobs choose the regularisation and alpha by validation."""

    factors: int = 64
    regularization: float = 30.0
    alpha: float = 10.0
    """What an event of weight 1 adds to the confidence in its entry, which is 1 without it."""
    iterations: int = 15

    content_min_items: int = 3
    """Features of fewer items than this are left out."""
