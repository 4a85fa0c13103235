"""The answer to a query for recommendations."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from backends.stages import Stage

NO_MODEL = "none"
"""The model version of an answer that no model made."""

POPULARITY = "popularity"
"""The algorithm of an answer that is not personal."""

CONTEXT = "context"
"""The algorithm of an answer of which only the categories of the context were known."""


@dataclass(frozen=True, slots=True)
class Explained:
    """What a score is made of: model_score + boost + correction - diversity_penalty is the score.

    `contributions` are (item id, share) pairs of the history, the largest share first.
    """

    model_score: float
    boost: float
    correction: float
    diversity_penalty: float
    pinned: bool
    contributions: Sequence[tuple[str, float]]


@dataclass(slots=True)
class RankedItem:
    """One item of an answer, and the true reason for its place."""

    item_id: str
    score: float
    reason: str
    explanation: Explained | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Ranked items, best first, what made them and where the time went, for all of a batch.

    `encoded` says of what a vector was made: a user, a history, an item or a context. `index`
    is the kind of index that was searched. Both are None where popularity was enough. Of the items
    of the history `vectors_found` had a vector, and `vectors_missing` had none. `cached` tells
    whether it had been made before, None where nobody looked.
    """

    model_version: str
    algorithm: str
    items: Sequence[RankedItem]
    skipped_pins: Sequence[str] = ()
    encoded: str | None = None
    index: str | None = None
    stages: Sequence[Stage] = field(default_factory=tuple[Stage, ...])
    vectors_found: int = 0
    vectors_missing: int = 0
    cached: bool | None = None
