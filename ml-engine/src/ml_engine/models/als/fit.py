"""Fitting of ALS by the `implicit` library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset
from ml_engine.models.als.model import Als
from ml_engine.models.als.parameters import AlsParameters
from ml_engine.models.two_tower import cold_start


def fit(
    dataset: Dataset,
    parameters: AlsParameters,
    seed: int,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Als:
    """Fit to all of the data set from the start that `seed` gives.

    `on_progress` hears shares of the work done, 0..1. Raises NotEnoughData where there are no
    events.
    """
    if dataset.histories.n_events == 0:
        raise NotEnoughData("an event")
    confidences = dataset.histories.to_csr(dataset.n_items)
    confidences.data = 1 + np.float32(parameters.alpha) * confidences.data

    def iterated(iteration: int, *_: object) -> None:
        on_progress((iteration + 1) / (parameters.iterations + 1))

    # Its own threads and those of BLAS would wait for each other.
    with threadpool_limits(limits=1, user_api="blas"):
        library: Any = AlternatingLeastSquares(
            factors=parameters.factors,
            regularization=parameters.regularization,
            iterations=parameters.iterations,
            random_state=seed,
        )
        library.fit(confidences, show_progress=False, callback=iterated)
    vectors = np.ascontiguousarray(library.item_factors, np.float32)
    counts = dataset.histories.item_weights(dataset.n_items)
    gram = vectors.T @ vectors + np.float32(parameters.regularization) * np.eye(
        parameters.factors, dtype=np.float32
    )
    item_tower = cold_start.learn(
        dataset.contents, vectors, vectors, counts, parameters.content_min_items
    )
    unmet = np.flatnonzero(counts == 0)
    vectors[unmet] = item_tower.encode_items([dataset.contents[item] for item in unmet])[0]
    on_progress(1.0)
    return Als(vectors, vectors, gram, parameters.alpha, item_tower)
