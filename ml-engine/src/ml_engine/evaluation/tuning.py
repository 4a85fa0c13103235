"""Settings of the two-tower model, by validation on events that are held out of its training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ml_engine.domain.interactions import Dataset
from ml_engine.evaluation.metrics import ndcg
from ml_engine.evaluation.order_tuning import order_tuned
from ml_engine.evaluation.ranking import rank
from ml_engine.evaluation.splits import Split, random_split
from ml_engine.models.model import Model
from ml_engine.models.two_tower import TwoTowerParameters
from ml_engine.models.two_tower.fit import assembled, parts

SIMILARITY_RANK, SIMILARITY_L2 = 256, 1000.0
GAINS = (30.0, 300.0, 3000.0)
"""EASE's similarities against popularity: on dense data popularity is to say hardly anything."""
SHARES = (0.25, 0.5, 1.0)
"""EASE's similarities beside learned tables, where it covers all of the catalogue."""

EPOCHS = 14
EVENTS = 30_000_000
"""Events that a descent goes over at most, all its epochs together: a bound on its time."""

VALIDATION_USERS = 2000
DEPTH = 20
FITTED = 0.8
"""Share of the work that is done once all tables are there."""


def tuned(
    dataset: Dataset,
    parameters: TwoTowerParameters,
    seed: int = 0,
    on_progress: Callable[[float], None] = lambda _: None,
) -> TwoTowerParameters:
    """`parameters` with the item tables that rank best (NDCG@20): EASE's, learned ones, or both.

    Events with times are ranked by trend and recency, for which only the closed form is made, and
    `order_tuning` says what order is worth. Else a random tenth of each user's events is held out,
    and asked for of `VALIDATION_USERS` users. `on_progress` hears shares of the work done, 0..1.
    Raises NotEnoughData where there is no item or no user with two events.
    """
    if dataset.histories.has_times:
        return order_tuned(dataset, parameters, seed, on_progress)
    split = _validation(dataset, seed)
    epochs = max(1, min(EPOCHS, EVENTS // dataset.histories.n_events))
    widest = replace(
        parameters,
        similarity_rank=min(SIMILARITY_RANK, dataset.n_items),
        similarity_l2=SIMILARITY_L2,
        descent=replace(parameters.descent, epochs=epochs, seed=seed),
    )
    closed = replace(widest, descent=replace(widest.descent, epochs=0))
    candidates = [replace(closed, similarity_gain=gain) for gain in GAINS]
    candidates.append(replace(widest, similarity_rank=0))
    if dataset.n_items <= parameters.similarity_items:
        candidates += [replace(widest, similarity_share=share) for share in SHARES]
    found = parts(split.train, widest, lambda share: on_progress(FITTED * share))
    figures = [_quality(assembled(split.train, *found, each), split) for each in candidates]
    on_progress(1.0)
    return candidates[int(np.argmax(figures))]


def _validation(dataset: Dataset, seed: int) -> Split:
    split = random_split(dataset, seed=seed)
    asked = np.zeros(dataset.histories.n_users, bool)
    drawn = np.random.default_rng(seed).permutation(split.users)[:VALIDATION_USERS]
    asked[drawn] = True
    held_out = split.held_out
    return replace(split, held_out=held_out.keep(asked[held_out.users]))


def _quality(model: Model, split: Split) -> float:
    ranking = rank(model, split, DEPTH)
    return float(ndcg(ranking.hits, ranking.n_relevant).mean())
