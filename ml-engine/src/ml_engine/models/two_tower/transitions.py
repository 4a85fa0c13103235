"""Transitions: which items come next, beyond what the trend says.

Each event is foretold by the history before it: a row of X has the weights that the user tower
gives to that history's items, a row of P what the trend expects at its end. Ridge regression of
what came (M. Choi et al., "Session-aware Linear Item-Item Models", WWW 2021, section 3.2), less
what was expected,

    B = (X'X + l2 I)^-1 X'(Y - P)

says how much oftener than by the trend one item follows another. Unlike EASE's weights these tell
order apart, and the newest item counts most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_matrix

from ml_engine.domain.interactions import MILLISECONDS_PER_DAY, Histories
from ml_engine.models.two_tower.parameters import TwoTowerParameters
from ml_engine.models.two_tower.trend import Trend

MOST_EVENTS = 300_000
"""The newest events that are foretold: a bound on time and memory."""


@dataclass(frozen=True, slots=True)
class _Foretold:
    """Events with a history: `before` csr (n, m) of weights, and of each the column of its item and
    the time that its history ends at, int64 (n,).
    """

    before: csr_matrix
    items: np.ndarray
    times: np.ndarray


def weights(
    histories: Histories,
    n_items: int,
    items: np.ndarray,
    trends: Trend,
    parameters: TwoTowerParameters,
) -> np.ndarray:
    """B among `items`, float32 (m, m); memory is 12 bytes times m squared."""
    column_of = np.full(n_items, -1, np.int64)
    column_of[items] = np.arange(len(items))
    foretold = _foretold(histories, column_of, len(items), parameters)
    gram = (foretold.before.T @ foretold.before).toarray()
    gram[np.diag_indices_from(gram)] += np.float32(parameters.transition_l2)
    factor = cho_factor(gram, overwrite_a=True)
    return cho_solve(factor, _surprise(foretold, trends, items), overwrite_b=True)


def _foretold(
    histories: Histories, column_of: np.ndarray, n_columns: int, parameters: TwoTowerParameters
) -> _Foretold:
    """The newest events of known columns that have a history, weighed as in a user vector."""
    first = np.repeat(histories.indptr[:-1], histories.lengths)
    events = np.arange(histories.n_events)
    asked = events[(events > first) & (column_of[histories.items] >= 0)]
    if len(asked) > MOST_EVENTS:
        newest = np.argsort(histories.times[asked], kind="stable")[-MOST_EVENTS:]
        asked = np.sort(asked[newest])
    ends = histories.times[asked - 1]
    totals = np.zeros(len(asked))
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for position in range(1, parameters.max_history + 1):
        rows = np.flatnonzero(asked - position >= first[asked])
        before = asked[rows] - position
        ages = (ends[rows] - histories.times[before]) / MILLISECONDS_PER_DAY
        values = position**-parameters.position_power * np.exp(-parameters.decay_per_day * ages)
        if histories.weights is not None:
            values *= histories.weights[before]
        totals[rows] += values
        columns = column_of[histories.items[before]]
        known = columns >= 0
        parts.append((rows[known], columns[known], values[known]))
    rows, columns, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    values *= totals[rows] ** -parameters.normalisation
    shape = len(asked), n_columns
    matrix = csr_matrix((values.astype(np.float32), (rows, columns)), shape=shape)
    return _Foretold(matrix, column_of[histories.items[asked]], ends)


def _surprise(foretold: _Foretold, trends: Trend, items: np.ndarray) -> np.ndarray:
    """X'(Y - P), float32 (m, m), with the trend of the last knot before each history's end."""
    n, m = len(foretold.items), len(items)
    ones = np.ones(n, np.float32)
    came = csr_matrix((ones, (np.arange(n), foretold.items)), shape=(n, m))
    logits = trends.knot_vectors @ trends.item_vectors.T + trends.popularity
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    knot = np.maximum(np.searchsorted(trends.knots, foretold.times, side="right") - 1, 0)
    at_knots = csr_matrix((ones, (np.arange(n), knot)), shape=(n, len(trends.knots)))
    surprise = (foretold.before.T @ came).toarray()
    surprise -= (foretold.before.T @ at_knots).toarray() @ expected[:, items]
    return surprise
