"""How much an event of each type says of a user's taste."""

from collections.abc import Mapping

from contracts.events import DEFAULT_WEIGHTS

UNDECLARED = 1.0
"""The weight of a type that nobody has declared."""


def weight_of(weights: Mapping[str, float], event_type: str) -> float:
    """The weight of an event type among a tenant's `weights`, the standard one where it has none.

    An event of weight 0 is no part of a history.
    """
    own = weights.get(event_type)
    return DEFAULT_WEIGHTS.get(event_type, UNDECLARED) if own is None else own
