"""The kinds of item tables: similarities and a spectrum in closed form, and those that are learned.

Side by side in one vector their scores add up, so that a blend is served by one inner product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from ml_engine.domain.interactions import Dataset
from ml_engine.models.two_tower import descent, similarity, spectral, transitions
from ml_engine.models.two_tower.lengths import SHORTEST, typical
from ml_engine.models.two_tower.loss import Pair
from ml_engine.models.two_tower.parameters import TwoTowerParameters
from ml_engine.models.two_tower.trend import Trend

MEASURED_USERS = 20_000
"""Users whose vectors' lengths are measured, about: so that memory does not grow with the users."""


@dataclass(frozen=True, slots=True)
class Tables:
    """What is learned, what is similar, and the spectrum; a pair without dimensions where it was
    not asked for.
    """

    learned: Pair
    similar: Pair
    spectrum: Pair

    @classmethod
    def find(
        cls,
        dataset: Dataset,
        trends: Trend,
        parameters: TwoTowerParameters,
        on_progress: Callable[[float], None] = lambda _: None,
    ) -> Tables:
        """The tables that `parameters` ask for; `trends` are the data set's."""
        nothing = np.zeros((dataset.n_items, 0), np.float32)
        learned = similar = spectrum = (nothing, nothing)
        if parameters.similarity_rank:
            similar = _similar(dataset, trends, parameters)
        if parameters.descent.epochs:
            matrix = dataset.histories.to_csr(dataset.n_items)
            if rank := max(parameters.spectral_rank, parameters.descent.guide_rank):
                spectrum = spectral.low_pass(matrix, rank)
            start = descent.start(matrix, parameters.descent)
            guide = _scaled(_first(spectrum, parameters.descent.guide_rank), matrix, np.float32(1))
            learned = descent.learn(
                matrix, start, guide, trends.popularity, parameters.descent, on_progress
            )
        return cls(learned, similar, spectrum)

    def joined(self, dataset: Dataset, parameters: TwoTowerParameters) -> Pair:
        """The learned pair and then the others, weighed as `parameters` say.

        A learned pair is left out where they have no epochs.
        """
        history, target = self.similar
        if not parameters.descent.epochs:
            return history * np.float32(parameters.similarity_gain), target
        matrix = dataset.histories.to_csr(dataset.n_items)
        unit = _typical_user(matrix, self.learned[0])
        pairs = [self.learned]
        if parameters.similarity_rank:
            pairs.append(_scaled(self.similar, matrix, unit * parameters.similarity_share))
        if parameters.spectral_rank:
            spectrum = _first(self.spectrum, parameters.spectral_rank)
            pairs.append(_scaled(spectrum, matrix, unit * parameters.spectral_share))
        return (
            np.column_stack([history for history, _ in pairs]),
            np.column_stack([target for _, target in pairs]),
        )


def _first(pair: Pair, rank: int) -> Pair:
    return pair[0][:, :rank], pair[1][:, :rank]


def _scaled(pair: Pair, histories: csr_matrix, length: np.float32) -> Pair:
    """`pair` with users of the typical `length` and items of the typical length 1."""
    history, target = pair
    own = np.maximum(_typical_user(histories, history), SHORTEST)
    return history * (length / own), target / np.maximum(typical(target), SHORTEST)


def _typical_user(histories: csr_matrix, history: np.ndarray) -> np.float32:
    """The typical length of what the history vectors add up to, by evenly spread users."""
    n_users = len(histories.indptr) - 1
    measured = np.arange(0, n_users, -(-n_users // MEASURED_USERS))
    return typical(histories[measured] @ history)


def _similar(dataset: Dataset, trends: Trend, parameters: TwoTowerParameters) -> Pair:
    """EASE's weights, and where events have times what comes next beside them."""
    histories, n_items = dataset.histories, dataset.n_items
    popular = similarity.most_met(histories, n_items, parameters.similarity_items)
    if len(popular) < 2:
        return np.zeros((n_items, 0), np.float32), np.zeros((n_items, 0), np.float32)
    weights = similarity.weights(
        histories,
        n_items,
        popular,
        parameters.similarity_l2,
        parameters.similarity_user_power,
    )
    if parameters.transition_share and histories.has_times:
        following = transitions.weights(histories, n_items, popular, trends, parameters)
        weights += np.float32(parameters.transition_share) * following
    return similarity.thin(weights, histories, n_items, popular, parameters.similarity_rank)
