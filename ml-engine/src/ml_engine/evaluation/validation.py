"""A part of what a model is fitted to, held out to choose its settings by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml_engine.domain.interactions import Dataset
from ml_engine.evaluation.metrics import ndcg
from ml_engine.evaluation.ranking import rank
from ml_engine.evaluation.splits import Split, random_split, temporal_split
from ml_engine.models.model import Model

USERS = 8000
SCORES = 80_000_000
"""Items that are scored for all users together: large catalogues are asked for fewer."""
DEPTH = 20


def validation(dataset: Dataset, seed: int, max_scores: int = SCORES) -> Split:
    """A tenth of the events of some users held out: the last ones, or without times any.

    To rank for all of these users takes `max_scores` scores of items at most.
    Raises NotEnoughData where no user has two events.
    """
    by_time = dataset.histories.has_times
    split = temporal_split(dataset) if by_time else random_split(dataset, seed=seed)
    n_users = min(USERS, max(1, max_scores // dataset.n_items))
    asked = np.zeros(dataset.histories.n_users, bool)
    asked[np.random.default_rng(seed).permutation(split.users)[:n_users]] = True
    held_out = split.held_out
    return replace(split, held_out=held_out.keep(asked[held_out.users]))


def quality(model: Model, split: Split, depth: int = DEPTH) -> float:
    """NDCG at `depth`."""
    ranking = rank(model, split, depth)
    return float(ndcg(ranking.hits, ranking.n_relevant).mean())
