"""A two-stage model on disk: its towers' files, and beside them the network and the neighbours."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml_engine.models import two_tower
from ml_engine.models.item_to_item import ItemRows
from ml_engine.models.two_stage.model import TwoStage
from ml_engine.models.two_stage.network import Network

RE_RANKING = "re_ranking.npz"
_NETWORK = ("hidden", "bias", "output")
_NEIGHBOURS = ("indptr", "items", "weights")


def save(model: TwoStage, directory: Path) -> None:
    """Write the model into `directory`, which is made where it is missing."""
    two_tower.save(model, directory)
    arrays = {f"network_{name}": getattr(model.network, name) for name in _NETWORK}
    arrays |= {f"neighbours_{name}": getattr(model.neighbours, name) for name in _NEIGHBOURS}
    np.savez(directory / RE_RANKING, depth=np.int64(model.depth), **arrays)


def load(directory: Path) -> TwoStage:
    """Read what `save` wrote.

    Raises FileNotFoundError for a missing file, ValueError for a format of another version and for
    arrays that do not fit each other.
    """
    towers = two_tower.load(directory)
    with np.load(directory / RE_RANKING, allow_pickle=False) as arrays:
        network = Network(*(arrays[f"network_{name}"] for name in _NETWORK))
        neighbours = ItemRows(*(arrays[f"neighbours_{name}"] for name in _NEIGHBOURS))
        depth = int(arrays["depth"])
    if len(neighbours) != towers.n_items:
        raise ValueError("the arrays of the model speak of different numbers of items")
    return TwoStage.of(towers, network, neighbours, depth)
