"""From the tables of a snapshot to the data set, with the weights of event types."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from backends.snapshots import EVENT_SCHEMA, ITEM_SCHEMA
from ml_engine.domain.errors import NotEnoughData
from ml_engine.training.feature_engineering import build_dataset

ITEMS = pa.Table.from_pylist(
    [{"item_id": "i", "title": None, "categories": [], "year": None}], ITEM_SCHEMA
)


def events(*rows: tuple[str, str, str]) -> pa.Table:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return pa.Table.from_pylist(
        [
            {"user_id": u, "item_id": i, "event_type": t, "timestamp": moment, "value": None}
            for u, i, t in rows
        ],
        EVENT_SCHEMA,
    )


def test_events_of_weight_zero_are_left_out() -> None:
    table = events(("u", "i", "view"), ("u", "j", "impression"), ("u", "k", "glance"))
    dataset = build_dataset(table, ITEMS, {"glance": 0.0})
    assert dataset.item_ids == ["i"]
    assert dataset.histories.n_events == 1


def test_weights_of_one_are_no_weights_at_all() -> None:
    table = events(("u", "i", "view"), ("u", "j", "purchase"))
    assert build_dataset(table, ITEMS, {"view": 1.0}).histories.weights is None


def test_each_event_has_the_weight_of_its_type() -> None:
    table = events(("v", "i", "view"), ("u", "j", "purchase"), ("u", "i", "view"))
    histories = build_dataset(table, ITEMS, {"purchase": 5.0}).histories
    assert histories.weights is not None
    assert histories.weights.tolist() == [5.0, 1.0, 1.0]
    np.testing.assert_array_equal(histories.item_weights(2), [2.0, 5.0])


def test_nothing_but_impressions_is_not_enough() -> None:
    with pytest.raises(NotEnoughData, match="weight is above 0"):
        build_dataset(events(("u", "i", "impression")), ITEMS, {})
