"""Scoring: the source of candidates that fits a profile and a plan."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml_engine.retrieval.candidates import (
    MAX_FETCH,
    Nearest,
    Popular,
    Scan,
    Source,
    fetched,
)
from ml_engine.retrieval.index import SCAN
from ml_engine.retrieval.personal import ByVectors
from ml_engine.retrieval.plan import Plan
from ml_engine.retrieval.reranking import wanted
from ml_engine.retrieval.serving_model import ServingModel
from ml_engine.retrieval.subject import Profile

Found = tuple[NDArray[np.float32], NDArray[np.int64]]


def index_of(serving: ServingModel, profile: Profile, plan: Plan) -> str | None:
    """The kind of index that is searched, None for none."""
    if serving.personal is None or profile.vector is None:
        return None
    if plan.scores_everything or not isinstance(serving.personal, ByVectors):
        return SCAN
    return serving.personal.index.index_type


def sources_of(
    serving: ServingModel, profiles: Sequence[Profile], excluded: Sequence[set[int]], plan: Plan
) -> list[Source]:
    """One source for each profile; `excluded` positions are left out of its candidates.

    Where the index is searched, one call searches for all of them.
    """
    found = _search(serving, profiles, excluded, plan)
    return [
        _source(serving, profile, excluded[n], plan, found.get(n))
        for n, profile in enumerate(profiles)
    ]


def _search(
    serving: ServingModel, profiles: Sequence[Profile], excluded: Sequence[set[int]], plan: Plan
) -> dict[int, Found]:
    if plan.scores_everything or not isinstance(serving.personal, ByVectors):
        return {}
    vectors = {n: vector for n, p in enumerate(profiles) if (vector := p.vector) is not None}
    if not vectors:
        return {}
    index = serving.personal.index
    most = max([excluded[n] for n in vectors], key=len)
    k = min(fetched(wanted(serving, plan.options), most), len(index))
    if k > MAX_FETCH:
        return {}
    # One array as it is costs a tenth of joining it with none.
    rows = [vector[None, :] for vector in vectors.values()]
    together = rows[0] if len(rows) == 1 else np.concatenate(rows)
    scores, positions = index.search(together, k, plan.eligible.selector)
    return {n: (scores[row], positions[row]) for row, n in enumerate(vectors)}


def _source(
    serving: ServingModel, profile: Profile, excluded: set[int], plan: Plan, found: Found | None
) -> Source:
    personal, vector = serving.personal, profile.vector
    if not plan.scores_everything:
        if personal is None or vector is None:
            return Popular(serving, plan.eligible, excluded)
        if isinstance(personal, ByVectors):
            return Nearest(personal, vector, plan.eligible, excluded, found)
    mask = plan.eligible.without(excluded, len(serving.catalogue))
    scores = serving.popularity
    if personal is not None and vector is not None:
        scores = personal.scores(vector)
    return Scan(scores, mask, plan.boosts)
