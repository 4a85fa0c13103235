"""EASE: each item's column of B is a ridge regression of who met it on who met the other items.

H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019: all regressions come of
one inverse, whose time is cubic in the items. Of a large catalogue each regression has the items
nearest to its own alone, whose inverses are small: time and memory are linear in the items. With
all other items for neighbours both are the same.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_matrix

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset
from ml_engine.models import ease
from ml_engine.models.item_to_item.model import ItemToItem, relative_popularity
from ml_engine.models.item_to_item.parameters import EaseParameters
from ml_engine.models.item_to_item.rows import ItemRows
from ml_engine.models.item_to_item.similarity import cosines, gram, sampled, strongest

NAME = "ease"

SHRINKAGE = 5.0
"""Of the cosines by which neighbours are found, so that one common user makes none."""

PAIRS_AT_ONCE = 2_000_000


def fit(
    dataset: Dataset,
    parameters: EaseParameters,
    on_progress: Callable[[float], None] = lambda _: None,
) -> ItemToItem:
    """Weights by all other items, or by the nearest ones of a large catalogue.

    `on_progress` hears shares of the work done, 0..1. Raises NotEnoughData where there are no
    events.
    """
    counts = dataset.histories.item_weights(dataset.n_items)
    if not counts.any():
        raise NotEnoughData("an event")
    if dataset.n_items <= parameters.exact_items:
        rows = ItemRows.of_full(ease.fit(dataset, parameters.l2).weights)
    else:
        rows = _by_neighbours(dataset, parameters, on_progress)
    history = parameters.history
    on_progress(1.0)
    return ItemToItem(NAME, rows, relative_popularity(counts), history.gain, history.position_power)


def _by_neighbours(
    dataset: Dataset, parameters: EaseParameters, on_progress: Callable[[float], None]
) -> ItemRows:
    pairs = gram(sampled(dataset.histories, dataset.n_items))
    neighbours = strongest(cosines(pairs, SHRINKAGE), parameters.neighbours)[0]
    n_items, n_neighbours = neighbours.shape
    upper = np.triu_indices(n_neighbours + 1)
    weights = np.zeros(neighbours.shape, np.float32)
    at_once = max(1, PAIRS_AT_ONCE // len(upper[0]))
    for start in range(0, n_items, at_once):
        targets = np.arange(start, min(start + at_once, n_items))
        members = np.column_stack([neighbours[targets], targets])
        systems = np.empty((len(targets), n_neighbours + 1, n_neighbours + 1), np.float32)
        values = _entries(pairs, members[:, upper[0]], members[:, upper[1]])
        systems[:, upper[0], upper[1]] = values
        systems[:, upper[1], upper[0]] = values
        systems[:, range(n_neighbours), range(n_neighbours)] += np.float32(parameters.l2)
        solved = np.linalg.solve(systems[:, :-1, :-1], systems[:, :-1, -1:])
        weights[targets] = solved[:, :, 0]
        on_progress(targets[-1] / n_items)
    return ItemRows.of_columns(neighbours, weights)


def _entries(matrix: csr_matrix, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The entries float32 at `rows` and `columns` int of one shape, 0 where either is -1."""
    found = matrix[np.maximum(rows, 0).ravel(), np.maximum(columns, 0).ravel()]
    entries = np.asarray(found, np.float32).reshape(rows.shape)
    # A place without a neighbour has an equation of its own, of which 0 is the solution.
    return np.where((rows < 0) | (columns < 0), np.float32(0), entries)
