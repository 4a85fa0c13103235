"""Fitting of the two-stage model: towers, and a network learned on what they retrieve.

The network is learned on events that its towers have never seen: of some users a part is held out,
towers are fitted to the rest, and their candidates for these users are the examples. Beside towers
that are fitted to everything the network then serves.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset
from ml_engine.evaluation.ranking import USERS_PER_BATCH, top_items
from ml_engine.evaluation.splits import Split
from ml_engine.evaluation.validation import validation
from ml_engine.models.item_to_item import ItemRows, item_knn
from ml_engine.models.two_stage import TwoStage, TwoStageParameters
from ml_engine.models.two_stage.features import NUMBER, features
from ml_engine.models.two_stage.learning import Examples, learn
from ml_engine.models.two_stage.network import Network
from ml_engine.models.two_tower import TwoTower
from ml_engine.models.two_tower.fit import fit as fit_towers

SCORES = 320_000_000
"""Items that are scored for all users of the examples together, at most."""

LEARNED, LAST_TOWERS = 0.55, 0.95
"""Shares of the work that are done once the network and then the towers are there."""
FIRST_TOWERS, EXAMPLES = 0.75, 0.95
"""The same of what the network takes."""

OnProgress = Callable[[float], None]


def fit(
    dataset: Dataset,
    parameters: TwoStageParameters,
    seed: int,
    on_progress: OnProgress = lambda _: None,
) -> TwoStage:
    """Fit to all of the data set; the same data and seed give the same model on the same machine.

    `on_progress` hears shares of the work done, 0..1. Raises NotEnoughData where there is no item
    or no user with two events.
    """
    network = _learned(dataset, parameters, seed, _part(on_progress, 0.0, LEARNED))
    towers = fit_towers(dataset, parameters.towers, _part(on_progress, LEARNED, LAST_TOWERS))
    model = TwoStage.of(towers, network, _neighbours(dataset, parameters), parameters.depth)
    on_progress(1.0)
    return model


def _learned(
    dataset: Dataset, parameters: TwoStageParameters, seed: int, on_progress: OnProgress
) -> Network:
    """The network; it corrects nothing where there is too little to hold out."""
    try:
        split = validation(dataset, seed, SCORES)
        towers = fit_towers(split.train, parameters.towers, _part(on_progress, 0.0, FIRST_TOWERS))
    except NotEnoughData:
        return Network.silent(NUMBER)
    found = _examples(towers, _neighbours(split.train, parameters), split, parameters.depth)
    on_progress(EXAMPLES)
    return learn(found, parameters.network, seed, _part(on_progress, EXAMPLES, 1.0))


def _part(on_progress: OnProgress, start: float, end: float) -> OnProgress:
    return lambda share: on_progress(start + share * (end - start))


def _neighbours(dataset: Dataset, parameters: TwoStageParameters) -> ItemRows:
    return item_knn.nearest(dataset, parameters.neighbours, parameters.shrinkage)


def _examples(towers: TwoTower, neighbours: ItemRows, split: Split, depth: int) -> Examples:
    """What the towers retrieve for the users of the split."""
    users, n_items = split.users, split.train.n_items
    depth = min(depth, n_items)
    shape = len(users), depth
    found = Examples(
        np.zeros((*shape, NUMBER), np.float32),
        np.full(shape, -np.inf, np.float32),
        np.zeros(shape, bool),
    )
    for start in range(0, len(users), USERS_PER_BATCH):
        batch = users[start : start + USERS_PER_BATCH]
        histories = split.train.histories.select(batch)
        vectors = towers.encode_users(histories)
        scores = vectors @ towers.item_vectors.T
        retrieved = top_items(scores, histories, depth)
        for place, user in enumerate(batch):
            candidates = retrieved[place][retrieved[place] >= 0]
            items, times = histories.row(place)
            weights = towers.encode_user(items, times, histories.emphasis(place))[1]
            row, kept = start + place, len(candidates)
            found.features[row, :kept] = features(
                towers, neighbours, vectors[place], weights, items, candidates
            )
            found.scores[row, :kept] = scores[place, candidates]
            found.relevant[row, :kept] = np.isin(candidates, split.held_out.row(user)[0])
    return found
