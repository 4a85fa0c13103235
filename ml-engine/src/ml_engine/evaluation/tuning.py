"""Settings of the two-tower model, by validation on events that are held out of its training."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import groupby, product

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset
from ml_engine.evaluation.order_tuning import best_order, order_tuned, order_variants
from ml_engine.evaluation.splits import Split
from ml_engine.evaluation.validation import quality, validation
from ml_engine.models.two_tower import TwoTowerParameters
from ml_engine.models.two_tower.fit import assembled, parts
from ml_engine.models.two_tower.similarity import most_met

SIMILARITY_RANK, SIMILARITY_L2, SIMILARITY_USER_POWER = 255, 1000.0, 0.5
GAINS = (30.0, 300.0, 3000.0)
"""EASE's similarities against popularity: on dense data popularity is to say hardly anything."""
SHARES = (0.25, 0.5, 1.0)
"""EASE's similarities beside learned tables, where it covers all of the catalogue."""
SPECTRAL_RANKS, SPECTRAL_SHARES = (256, 1024), (0.25, 0.5, 1.0)
"""The spectrum beside both; its rank is chosen first, by the share that was given.

The widest guides the descent, beside them or not.
"""
SPECTRAL_NUMBERS = 50_000_000
"""Numbers in the spectrum's vectors of all items at most, which bounds what fitting takes."""
POPULARITY_WEIGHTS = (0.7, 0.5, 0.3)
"""All of these know what is popular, so that popularity by itself may be too much of it.

The first is what it counts while tables are learned.
"""
POSITION_POWERS = (1.0, 0.7, 1.4)
"""How fast events lose weight where they have times; by the first while all else is chosen."""

EPOCHS = 12
EVENTS = 30_000_000
"""Events that a descent goes over at most, all its epochs together: a bound on its time."""
TRIED = 0.5
"""Share of these epochs that is enough to tell which tables rank best."""

WORTH = 1.01
"""How much better wider vectors have to rank, since each answer and the memory pay for them."""
COVERED = 0.9
"""Share of the events with items of which EASE knows: beyond, data with times needs no tables."""
NEAR = 0.9
"""How near learned tables alone have to come to the closed form for more to be tried with them."""
ALIKE = 0.998
"""How near to the best a smaller weight of popularity has to rank: more items are shown by it.

With all epochs popularity is worth twice what it is with these.
"""

FITTED = 0.8
"""Share of the work that is done once all tables are there."""
ORDER = 0.2
"""Share of the work, where events have times, that is done before tables are learned."""


def tuned(
    dataset: Dataset,
    parameters: TwoTowerParameters,
    seed: int = 0,
    on_progress: Callable[[float], None] = lambda _: None,
    max_dimensions: int | None = None,
) -> TwoTowerParameters:
    """`parameters` with the item tables that rank best (NDCG@20): EASE's, learned ones, or both,
    and what is learned with the spectrum beside it or without.

    Vectors have `max_dimensions` at most, 2 or more. Where events have times, EASE's tables are as
    `order_tuning` says; learned ones are tried where those leave many events out (`COVERED`), and
    have to be better by `WORTH`. `on_progress` hears shares of the work done, 0..1. Raises
    NotEnoughData where there is no item or no user with two events.
    """
    if not dataset.histories.has_times:
        split = validation(dataset, seed)
        return _with_tables(dataset, split, parameters, seed, on_progress, max_dimensions)[0]
    if _covered(dataset, parameters.similarity_items) >= COVERED:
        return order_tuned(dataset, parameters, seed, on_progress)
    try:
        split = validation(dataset, seed)
        name, model = best_order(split, parameters, lambda share: on_progress(ORDER * share))
    except NotEnoughData:
        on_progress(1.0)
        return parameters
    closed_form = quality(model, split)
    learned, figure = _with_tables(
        dataset,
        split,
        parameters,
        seed,
        lambda share: on_progress(ORDER + (1.0 - ORDER) * share),
        max_dimensions,
        NEAR * closed_form,
    )
    by_order = order_variants(dataset, parameters)[name]
    return learned if figure > WORTH * closed_form else by_order


def _covered(dataset: Dataset, n_popular: int) -> float:
    """The share of events that are with the `n_popular` most popular items."""
    events = dataset.histories.item_weights(dataset.n_items)
    popular = most_met(dataset.histories, dataset.n_items, n_popular)
    return float(events[popular].sum() / events.sum())


def _with_tables(
    dataset: Dataset,
    split: Split,
    parameters: TwoTowerParameters,
    seed: int,
    on_progress: Callable[[float], None],
    max_dimensions: int | None,
    least: float = 0.0,
) -> tuple[TwoTowerParameters, float]:
    """The tables that rank best on `split` of `dataset`, and how well; of data with times learned
    ones are tried alone.

    Nothing is put beside learned ones that rank worse than `least` by themselves.
    """
    timed = dataset.histories.has_times
    epochs = max(1, min(EPOCHS, EVENTS // dataset.histories.n_events))
    n_items = dataset.n_items
    spectral_rank = min(SPECTRAL_RANKS[-1], SPECTRAL_NUMBERS // n_items, n_items)
    beside = 1 + (parameters.trend_rank if timed else 0)
    widest_rank = max(1, (max_dimensions or sys.maxsize) - beside)
    widest = replace(
        parameters,
        similarity_rank=0 if timed else min(SIMILARITY_RANK, n_items, widest_rank),
        similarity_l2=SIMILARITY_L2,
        similarity_user_power=SIMILARITY_USER_POWER,
        spectral_rank=spectral_rank,
        position_power=POSITION_POWERS[0] if timed else parameters.position_power,
        descent=replace(
            parameters.descent,
            epochs=epochs,
            rank=min(parameters.descent.rank, widest_rank),
            popularity_weight=POPULARITY_WEIGHTS[0],
            guide_rank=spectral_rank,
            seed=seed,
        ),
    )
    shorter = replace(widest.descent, epochs=max(1, round(TRIED * epochs)))
    tried = replace(widest, descent=shorter)
    found = parts(split.train, tried, lambda share: on_progress(FITTED * share))

    @cache
    def figure(candidate: TwoTowerParameters) -> float:
        return quality(assembled(split.train, *found, candidate), split)

    def best(candidates: list[TwoTowerParameters]) -> TwoTowerParameters:
        fitting = sorted((one for one in candidates if _rank(one) <= widest_rank), key=_rank)
        chosen, *wider = [max(alike, key=figure) for _, alike in groupby(fitting, _rank)]
        for one in wider:
            chosen = one if figure(one) > WORTH * figure(chosen) else chosen
        return chosen

    learned = _learned(dataset, widest)
    chosen = best(learned if timed else [*_closed(widest), *learned])
    if chosen.descent.epochs and figure(chosen) >= least:
        ranks = sorted({min(rank, spectral_rank) for rank in (0, *SPECTRAL_RANKS)})
        chosen = best([replace(chosen, spectral_rank=rank) for rank in ranks])
        weighed = _weighed(chosen)
        enough = max(map(figure, weighed)) * ALIKE
        alike = [one for one in weighed if figure(one) >= enough]
        chosen = min(alike, key=lambda one: (one.popularity_weight, -figure(one)))
        if timed:
            recency = [replace(chosen, position_power=power) for power in POSITION_POWERS]
            chosen = best([*recency, order_variants(dataset, chosen)["none"]])
    on_progress(1.0)
    return chosen, figure(chosen)


def _rank(parameters: TwoTowerParameters) -> int:
    """Of all tables side by side, at most."""
    learned = parameters.descent.rank if parameters.descent.epochs else 0
    return learned + parameters.similarity_rank + parameters.spectral_rank


def _closed(widest: TwoTowerParameters) -> list[TwoTowerParameters]:
    plain = replace(widest, spectral_rank=0, descent=replace(widest.descent, epochs=0))
    return [replace(plain, similarity_gain=gain) for gain in GAINS]


def _learned(dataset: Dataset, widest: TwoTowerParameters) -> list[TwoTowerParameters]:
    """Learned tables, and where it covers the catalogue EASE's beside them."""
    plain = replace(widest, spectral_rank=0, popularity_weight=POPULARITY_WEIGHTS[0])
    candidates = [replace(plain, similarity_rank=0)]
    if plain.similarity_rank and dataset.n_items <= plain.similarity_items:
        candidates += [replace(plain, similarity_share=share) for share in SHARES]
    return candidates


def _weighed(parameters: TwoTowerParameters) -> list[TwoTowerParameters]:
    """Shares and weights are tried together: the more of the spectrum, the less popularity."""
    shares = SPECTRAL_SHARES if parameters.spectral_rank else (parameters.spectral_share,)
    return [
        replace(parameters, spectral_share=share, popularity_weight=weight)
        for share, weight in product(shares, POPULARITY_WEIGHTS)
    ]
