"""From the tables of a snapshot to the data set that models train on."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ml_engine.domain.errors import NotEnoughData
from ml_engine.domain.event_weights import weight_of
from ml_engine.domain.interactions import Dataset, Histories, ItemContent


def build_dataset(events: pa.Table, items: pa.Table, event_weights: Mapping[str, float]) -> Dataset:
    """The catalogue's items, those only events know after them, and each user's history.

    Tables as in `backends.snapshots`; events of a type of weight 0 are left out. Raises
    NotEnoughData where no event is left.
    """
    type_names, types = _encode(events["event_type"])
    weights_of_types = [weight_of(event_weights, name) for name in type_names]
    weights = np.array(weights_of_types, dtype=np.float32)[types]
    chosen = weights > 0
    if not chosen.any():
        raise NotEnoughData("an event of a type whose weight is above 0")
    weights = weights[chosen]
    event_items, item_codes = _encode(events["item_id"].filter(pa.array(chosen)))
    event_users, user_codes = _encode(events["user_id"].filter(pa.array(chosen)))
    catalogue = items["item_id"].to_pylist()
    item_ids = catalogue + sorted(set(event_items) - set(catalogue))
    times = events["timestamp"].filter(pa.array(chosen)).cast(pa.int64()).to_numpy()
    histories = Histories.from_events(
        _places(event_users, sorted(event_users))[user_codes],
        _places(event_items, item_ids)[item_codes],
        times,
        len(event_users),
        None if (weights == 1).all() else weights,
    )
    contents = [
        ItemContent(row["title"], tuple(row["categories"] or ()), row["year"])
        for row in items.select(["title", "categories", "year"]).to_pylist()
    ]
    contents += [ItemContent()] * (len(item_ids) - len(catalogue))
    return Dataset(item_ids, contents, histories)


def build_histories(
    events: pa.Table,
    user_ids: Sequence[str],
    item_ids: Sequence[str],
    event_weights: Mapping[str, float],
) -> Histories:
    """What each of `user_ids` did with `item_ids`, without other events and those of weight 0."""
    type_names, types = _encode(events["event_type"])
    weights_of_types = [weight_of(event_weights, name) for name in type_names]
    weights = np.array(weights_of_types, dtype=np.float32)[types]
    event_users, user_codes = _encode(events["user_id"])
    event_items, item_codes = _encode(events["item_id"])
    users = _places(event_users, user_ids)[user_codes]
    items = _places(event_items, item_ids)[item_codes]
    chosen = (weights > 0) & (users >= 0) & (items >= 0)
    times = events["timestamp"].cast(pa.int64()).to_numpy()
    return Histories.from_events(
        users[chosen], items[chosen], times[chosen], len(user_ids), weights[chosen]
    )


def _encode(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    """The column's distinct strings, and for each row the number of its own, int64 (rows,)."""
    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def _places(values: Sequence[str], among: Sequence[str]) -> NDArray[np.int64]:
    """Where each of `values` stands in `among`, -1 where it does not, int64 (len(values),)."""
    place = {value: index for index, value in enumerate(among)}
    return np.array([place.get(value, -1) for value in values], dtype=np.int64)
