"""Settings of ALS and of item-to-item weights, by validation within what they are fitted to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import Final, TypeVar

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset
from ml_engine.evaluation.validation import quality, validation
from ml_engine.models.als import AlsParameters
from ml_engine.models.als.fit import fit as fit_als
from ml_engine.models.item_to_item import (
    EaseParameters,
    HistoryParameters,
    ItemKnnParameters,
    ItemToItem,
)

EASE: Final = tuple(EaseParameters(l2) for l2 in (500.0, 100.0, 2500.0))
ITEM_KNN: Final = tuple(
    ItemKnnParameters(shrinkage, neighbours)
    for neighbours, shrinkage in product((200, 30), (20.0, 5.0, 100.0))
)
POSITION_POWERS: Final = (0.0, 0.7, 1.5)
GAINS: Final = (1e-4, 0.01, 0.1)

ALS: Final = tuple(
    AlsParameters(regularization=regularization, alpha=alpha)
    for regularization, alpha in product((30.0, 3.0, 100.0), (10.0, 1.0))
)
ALS_ITERATIONS: Final = 5
"""A third of a fit's are enough to order the settings."""

OnShare = Callable[[float], None]
Weighted = TypeVar("Weighted", EaseParameters, ItemKnnParameters)


def tuned_item_to_item(
    dataset: Dataset,
    candidates: Sequence[Weighted],
    fit: Callable[[Dataset, Weighted], ItemToItem],
    seed: int,
    on_share: OnShare,
) -> Weighted:
    """The candidate that ranks best (NDCG@20), and then how it best weighs histories.

    Where nothing can be held out it is the first.
    """
    try:
        split = validation(dataset, seed)
    except NotEnoughData:
        return candidates[0]
    timed = dataset.histories.has_times
    powers = POSITION_POWERS if timed else (0.0,)
    histories = [HistoryParameters(power, gain) for power, gain in product(powers, GAINS)]
    steps = len(candidates) + len(histories)
    usual = HistoryParameters(position_power=powers[len(powers) // 2])
    figure, chosen, model = -1.0, candidates[0], None
    for step, candidate in enumerate(candidates, 1):
        fitted = fit(split.train, replace(candidate, history=usual))
        if (found := quality(fitted, split)) > figure:
            figure, chosen, model = found, candidate, fitted
        on_share(step / steps)
    assert model is not None  # noqa: S101 - a figure is 0 at least
    figure = -1.0
    for step, history in enumerate(histories, len(candidates) + 1):
        weighed = replace(model, gain=history.gain, position_power=history.position_power)
        if (found := quality(weighed, split)) > figure:
            figure, chosen = found, replace(chosen, history=history)
        on_share(step / steps)
    return chosen


def tuned_als(dataset: Dataset, seed: int, on_share: OnShare) -> AlsParameters:
    """The settings of `ALS` that rank best (NDCG@20) after a few iterations.

    Where nothing can be held out they are the first.
    """
    try:
        split = validation(dataset, seed)
    except NotEnoughData:
        return ALS[0]
    figures: list[float] = []
    for step, candidate in enumerate(ALS, 1):
        fitted = fit_als(split.train, replace(candidate, iterations=ALS_ITERATIONS), seed)
        figures.append(quality(fitted, split))
        on_share(step / len(ALS))
    return ALS[figures.index(max(figures))]
