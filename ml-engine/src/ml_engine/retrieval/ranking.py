"""The ranking steps: score, re-rank, explain. Positions are those of the serving model's index."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backends.stages import StageClock
from ml_engine.domain.recommendation import POPULARITY, RankedItem
from ml_engine.retrieval.serving_model import ServingModel


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom to rank for: known history positions int32 (L,), oldest first.

    `times` int64 ms (L,) are a user's; a history given without them is a question of taste alone.
    `similar_to` is the item whose neighbours are asked for, where that is the question.
    """

    items: NDArray[np.int32]
    times: NDArray[np.int64] | None = None
    similar_to: int | None = None


def rank_personal(
    serving: ServingModel, subject: Subject, excluded: set[int], num_items: int, clock: StageClock
) -> list[RankedItem]:
    """The best items for a subject with some history, `excluded` positions left out."""
    with clock.stage("embedding_lookup"):
        vector, weights = _encode(serving, subject)
    with clock.stage("ann_search"):
        # Fetching as many more as may be dropped keeps the answer full without a second search.
        scores, found = serving.index.search(vector, num_items + len(excluded))
    with clock.stage("reranking"):
        kept = _best(scores, found, excluded, num_items)
        return [
            RankedItem(
                serving.item_ids[position],
                score,
                _reason(serving, subject, weights, position),
            )
            for score, position in kept
        ]


def rank_popular(serving: ServingModel, excluded: set[int], num_items: int) -> list[RankedItem]:
    """The items with the most events at training time, `excluded` positions left out."""
    ranked: list[RankedItem] = []
    for position in serving.by_popularity[: num_items + len(excluded)].tolist():
        if position not in excluded:
            count = int(serving.event_counts[position])
            ranked.append(RankedItem(serving.item_ids[position], float(count), POPULARITY))
    return ranked[:num_items]


def _encode(
    serving: ServingModel, subject: Subject
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    if subject.times is None:
        return serving.model.encode_taste(subject.items)
    return serving.model.encode_user(subject.items, subject.times)


def _best(
    scores: NDArray[np.float32], found: NDArray[np.int64], excluded: set[int], num_items: int
) -> list[tuple[float, int]]:
    pairs = zip(scores.tolist(), found.tolist(), strict=True)
    kept = [(score, position) for score, position in pairs if position not in excluded]
    # Equal scores go by position, so that the same question always has the same answer.
    kept.sort(key=lambda pair: (-pair[0], pair[1]))
    return kept[:num_items]


def _reason(
    serving: ServingModel, subject: Subject, weights: NDArray[np.float32], position: int
) -> str:
    if subject.similar_to is not None:
        return f"similar to {serving.name(subject.similar_to)}"
    shares = serving.model.contributions(weights, subject.items, position)
    strongest = int(np.argmax(shares))
    if shares[strongest] <= 0:
        return POPULARITY
    return f"because of {serving.name(int(subject.items[strongest]))}"


def popular_without_model(
    event_counts: dict[str, int], catalogue: Sequence[str], exclude: set[str], num_items: int
) -> list[RankedItem]:
    """Before the first training: items by their number of events, then the rest as they came."""
    counts = dict.fromkeys(catalogue, 0) | event_counts
    eligible = [(item_id, count) for item_id, count in counts.items() if item_id not in exclude]
    eligible.sort(key=lambda pair: -pair[1])
    return [RankedItem(i, float(count), POPULARITY) for i, count in eligible[:num_items]]
