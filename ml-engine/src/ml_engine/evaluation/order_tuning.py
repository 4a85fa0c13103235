"""What the order of events is worth to the two-tower model, by validation on users' last events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset
from ml_engine.evaluation.splits import Split
from ml_engine.evaluation.validation import quality, validation
from ml_engine.models.two_tower import TwoTower, TwoTowerParameters
from ml_engine.models.two_tower.fit import assembled, parts

RANK, GAIN, SHARE = 48, 20.0, 1.0
"""Of similarities with transitions among them, and what of these goes with each of EASE's."""

DEPTH = 10


def order_variants(
    dataset: Dataset, parameters: TwoTowerParameters
) -> dict[str, TwoTowerParameters]:
    """What may be made of the order of events, by name: each has all of the one before.

    `none` lets all of a history count alike, `recency` by position and age, and `transitions` knows
    what comes next as well.
    """
    recency = replace(parameters, transition_share=0.0)
    longest = int(dataset.histories.lengths.max(initial=1))
    none = replace(recency, position_power=0.0, decay_per_day=0.0, max_history=longest)
    transitions = replace(
        parameters, transition_share=SHARE, similarity_gain=GAIN, similarity_rank=RANK
    )
    return {"none": none, "recency": recency, "transitions": transitions}


def order_tuned(
    dataset: Dataset,
    parameters: TwoTowerParameters,
    seed: int = 0,
    on_progress: Callable[[float], None] = lambda _: None,
) -> TwoTowerParameters:
    """Of `order_variants` the one that ranks best (NDCG@10); `parameters` where none can be tried.

    The last tenth of each user's events is held out, and asked for of some users.
    `on_progress` hears shares of the work done, 0..1.
    """
    try:
        best, _ = best_order(validation(dataset, seed), parameters, on_progress)
    except NotEnoughData:
        return parameters
    finally:
        on_progress(1.0)
    return order_variants(dataset, parameters)[best]


def best_order(
    split: Split,
    parameters: TwoTowerParameters,
    on_progress: Callable[[float], None] = lambda _: None,
) -> tuple[str, TwoTower]:
    """The name of the variant that ranks best on `split`, and the model that did.

    Raises NotEnoughData where none can be fitted.
    """
    variants = order_variants(split.train, parameters)
    # What is not made of what comes next has all parts in common.
    plain = parts(split.train, variants["recency"], lambda share: on_progress(0.3 * share))
    whole = parts(
        split.train, variants["transitions"], lambda share: on_progress(0.3 + 0.5 * share)
    )
    found = {"none": plain, "recency": plain, "transitions": whole}
    models = {
        name: assembled(split.train, *found[name], variant) for name, variant in variants.items()
    }
    figures = [quality(model, split, DEPTH) for model in models.values()]
    on_progress(1.0)
    best = list(models)[int(np.argmax(figures))]
    return best, models[best]
