"""Calibration: whether a user's recommendations have the categories that the user's history has.

H. Steck, "Calibrated Recommendations", RecSys 2018.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml_engine.domain.interactions import Histories, ItemContent

SMOOTHING = 0.01
"""Steck's alpha: the share of the history's own categories mixed into the recommended ones."""

USERS_PER_BATCH = 4096


def categories_of(contents: Sequence[ItemContent]) -> Histories | None:
    """The numbers of each item's categories, an item in the place of a user; None without any."""
    names: dict[str, int] = {}
    rows = [[names.setdefault(c, len(names)) for c in content.categories] for content in contents]
    return Histories.from_rows(rows) if names else None


def miscalibration(items: np.ndarray, histories: Histories, categories: Histories) -> np.ndarray:
    """Kullback-Leibler divergence of recommended from met categories in nats, float64 (n_users,).

    `items` int64 (n_users, k), -1 where a ranking has no more, for the users of `histories`. Each
    event weighs the same, and so does each category of an item (Steck's equations 1 to 3, without
    weights). 0 is the same mixture. A user with no category on either side has 0.
    """
    divergences = np.zeros(len(items))
    for start in range(0, len(items), USERS_PER_BATCH):
        users = np.arange(start, min(start + USERS_PER_BATCH, len(items)))
        ranked = items[users]
        of_history = _shares(histories.select(users), categories)
        there = [row[row >= 0].tolist() for row in ranked]
        of_ranking = _shares(Histories.from_rows(there), categories)
        smoothed = (1 - SMOOTHING) * of_ranking + SMOOTHING * of_history
        known = (of_history > 0) & (of_ranking.sum(axis=1, keepdims=True) > 0)
        ratios = np.divide(of_history, smoothed, where=known, out=np.ones_like(of_history))
        divergences[users] = (of_history * np.log(ratios)).sum(axis=1)
    return divergences


def _shares(histories: Histories, categories: Histories) -> np.ndarray:
    """The share of each category among a user's events, float64 (n_users, n_categories)."""
    n_categories = int(categories.items.max()) + 1
    met = categories.select(histories.items)
    users = np.repeat(histories.users, met.lengths)
    weights = np.repeat(1.0 / np.maximum(met.lengths, 1), met.lengths)
    places = users * n_categories + met.items
    sums = np.bincount(places, weights, minlength=histories.n_users * n_categories)
    shares = sums.reshape(histories.n_users, n_categories)
    return shares / np.maximum(shares.sum(axis=1, keepdims=True), np.finfo(float).tiny)
