"""Whom to rank for: what is known of a user, a history, an item or a context, as a vector."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backends.ports import UserEvent
from contracts.recommendations import RankingOptions, RecommendationQuery
from ml_engine.domain.errors import ItemNotFound
from ml_engine.domain.event_weights import weight_of
from ml_engine.domain.interactions import ItemContent
from ml_engine.domain.recommendation import CONTEXT, POPULARITY
from ml_engine.retrieval.catalogue import Catalogue
from ml_engine.retrieval.personal import Personal
from ml_engine.retrieval.serving_model import ServingModel


@dataclass(frozen=True, slots=True)
class Subject:
    """Known history positions int32 (L,), oldest first, and what they are.

    `times` int64 ms (L,) and `emphasis` float32 (L,), the weights of the events' types, are a
    user's; a history given without them is a question of taste alone. `similar_to` is the item
    whose neighbours are asked for, where that is the question. `unknown` counts the items of the
    history that the catalogue never named.
    """

    kind: str
    items: NDArray[np.int32]
    times: NDArray[np.int64] | None = None
    emphasis: NDArray[np.float32] | None = None
    similar_to: int | None = None
    unknown: int = 0

    def seen(self, options: RankingOptions) -> set[int]:
        """Positions that an answer for this subject leaves out."""
        if self.similar_to is not None:
            return {self.similar_to}
        return set(self.items.tolist()) if options.exclude_seen else set()


@dataclass(frozen=True, slots=True)
class Profile:
    """A subject as the model sees it: `vector` float32 (d,), None where popularity must do.

    `weights` float32 (L,) say what each event of the history has in the vector.
    """

    algorithm: str
    encoded: str | None = None
    vector: NDArray[np.float32] | None = None
    weights: NDArray[np.float32] | None = None


def user_subject(
    catalogue: Catalogue, events: Sequence[UserEvent], weights: Mapping[str, float]
) -> Subject:
    """A user by recent events, of which those of weight 0 are no part of the history."""
    if not events:
        return Subject("user", np.zeros(0, np.int32))
    weight_of_type = {t: weight_of(weights, t) for t in {e.event_type for e in events}}
    positions = catalogue.past_positions([event.item_id for event in events])
    known = [
        (position, event)
        for position, event in zip(positions, events, strict=True)
        if position is not None and weight_of_type[event.event_type] > 0
    ]
    emphasis = None
    if not {0.0, 1.0}.issuperset(weight_of_type.values()):
        found = [weight_of_type[event.event_type] for _, event in known]
        emphasis = np.array(found, np.float32)
    return Subject(
        "user",
        np.array([position for position, _ in known], np.int32),
        np.array([event.timestamp_ms for _, event in known], np.int64),
        emphasis,
        unknown=positions.count(None),
    )


def subject_of(
    catalogue: Catalogue,
    query: RecommendationQuery,
    events: Sequence[UserEvent],
    weights: Mapping[str, float],
) -> Subject:
    """The subject of a query, `events` being its user's. Raises `ItemNotFound`."""
    if query.item_id is not None:
        position = catalogue.position(query.item_id)
        if position is None:
            raise ItemNotFound(f"there is no item {query.item_id!r}")
        return Subject("item", np.array([position], np.int32), similar_to=position)
    if query.history is not None:
        positions = catalogue.positions(query.history)
        unknown = len(query.history) - len(positions)
        return Subject("history", np.array(positions, np.int32), unknown=unknown)
    return user_subject(catalogue, events, weights)


def profile_of(personal: Personal | None, subject: Subject, options: RankingOptions) -> Profile:
    """Encode a subject; of one without history the context's categories have to tell."""
    if personal is None:
        return Profile(POPULARITY)
    if len(subject.items) == 0:
        return _context_profile(personal, options)
    if subject.times is None:
        vector, weights = personal.model.encode_taste(subject.items)
    else:
        vector, weights = personal.model.encode_user(subject.items, subject.times, subject.emphasis)
    return Profile(personal.model.name, subject.kind, vector, weights)


def _context_profile(personal: Personal, options: RankingOptions) -> Profile:
    if options.context is None or not options.context.categories:
        return Profile(POPULARITY)
    content = ItemContent(categories=tuple(options.context.categories))
    vector = personal.model.encode_content(content)
    return Profile(POPULARITY) if vector is None else Profile(CONTEXT, CONTEXT, vector)


def encodable(serving: ServingModel, subject: Subject, options: RankingOptions) -> bool:
    """Whether there is a model, and something that it could encode."""
    if serving.personal is None:
        return False
    return len(subject.items) > 0 or bool(options.context and options.context.categories)
