"""The nearest items by who met them, as in M. Deshpande and G. Karypis, "Item-based Top-N
Recommendation Algorithms", ACM TOIS 2004.
"""

from __future__ import annotations

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.interactions import Dataset
from ml_engine.models.item_to_item.model import ItemToItem, relative_popularity
from ml_engine.models.item_to_item.parameters import ItemKnnParameters
from ml_engine.models.item_to_item.rows import ItemRows
from ml_engine.models.item_to_item.similarity import cosines, gram, sampled, strongest

NAME = "item-knn"


def fit(dataset: Dataset, parameters: ItemKnnParameters) -> ItemToItem:
    """Each item leads to its `neighbours` nearest. Raises NotEnoughData without events."""
    if dataset.histories.n_events == 0:
        raise NotEnoughData("an event")
    return ItemToItem(
        NAME,
        nearest(dataset, parameters.neighbours, parameters.shrinkage),
        relative_popularity(dataset.histories.item_weights(dataset.n_items)),
        parameters.history.gain,
        parameters.history.position_power,
    )


def nearest(dataset: Dataset, neighbours: int, shrinkage: float) -> ItemRows:
    """The `neighbours` most similar items of each, with their similarities: shrunk cosines."""
    met = sampled(dataset.histories, dataset.n_items)
    return ItemRows.of_rows(*strongest(cosines(gram(met), shrinkage), neighbours))
