"""A query for recommendations and its answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from backends.stages import Stage

NO_MODEL = "none"
"""The model version of an answer that no model made."""

POPULARITY = "popularity"
"""The algorithm of an answer that is not personal."""


@dataclass(frozen=True, slots=True)
class Query:
    """Whom to recommend to: exactly one of a user, a history (oldest first) or an item."""

    user_id: str | None = None
    history: Sequence[str] | None = None
    item_id: str | None = None
    num_items: int = 10
    exclude: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RankedItem:
    """One item of an answer, and the true reason for its place."""

    item_id: str
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Ranked items, best first, what made them and where the time went."""

    model_version: str
    algorithm: str
    items: Sequence[RankedItem]
    stages: Sequence[Stage] = field(default_factory=tuple[Stage, ...])
