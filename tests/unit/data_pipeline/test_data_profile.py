"""What the data of a snapshot are like, and how they drift, beside figures worked out by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime
from math import log2
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.snapshots import EVENT_SCHEMA, ITEM_SCHEMA
from backends.table_files import write_table
from contracts.snapshots import DataDrift, DataProfile, Distribution
from data_pipeline.transform.data_profile import jensen_shannon, profiling

SECOND = 1_700_000_000
Row = tuple[str, str, str, int]

EVENTS: list[Row] = [
    ("u1", "a", "view", 0),
    ("u1", "a", "view", 5),
    ("u1", "b", "rating", 9),
    ("u2", "a", "view", 2),
    ("u3", "c", "purchase", 3),
    ("u3", "a", "view", 4),
]


def events_file(folder: Path, rows: Sequence[Row], name: str = "events") -> Path:
    columns = [
        {
            "user_id": user_id,
            "item_id": item_id,
            "event_type": event_type,
            "timestamp": datetime.fromtimestamp(SECOND + seconds, UTC),
            "value": None,
        }
        for user_id, item_id, event_type, seconds in rows
    ]
    return write_table(pa.Table.from_pylist(columns, EVENT_SCHEMA), folder / name).path


def items_file(folder: Path, item_ids: Sequence[str]) -> Path:
    rows = [{"item_id": item_id, "categories": []} for item_id in item_ids]
    return write_table(pa.Table.from_pylist(rows, ITEM_SCHEMA), folder / "items").path


def profile_of(folder: Path, rows: Sequence[Row], item_ids: Sequence[str] = ()) -> DataProfile:
    with profiling(events_file(folder, rows), items_file(folder, item_ids), folder) as data:
        return data.profile()


def drift_of(folder: Path, now: Sequence[Row], before: Sequence[Row]) -> DataDrift:
    was = profile_of(folder, before)
    previous = events_file(folder, before, "previous")
    with profiling(events_file(folder, now), items_file(folder, []), folder) as data:
        return data.drift(data.profile(), was, previous)


def test_a_profile_counts_what_is_there(tmp_path: Path) -> None:
    assert profile_of(tmp_path, EVENTS, ["a", "b", "d", "e"]) == DataProfile(
        events=6,
        users=3,
        items=3,
        catalogue_items=4,
        # The pairs are u1-a, u1-b, u2-a, u3-c and u3-a: 5 of 9.
        sparsity=0.444444444,
        cold_item_share=0.5,
        first_event_at=datetime.fromtimestamp(SECOND, UTC),
        last_event_at=datetime.fromtimestamp(SECOND + 9, UTC),
        events_by_type={"purchase": 1, "rating": 1, "view": 4},
        # Of 3, 1 and 2 events, and of 4, 1 and 1.
        events_per_user=Distribution(least=1, q25=1, median=2, q75=3, q90=3, q99=3, most=3),
        events_per_item=Distribution(least=1, q25=1, median=1, q75=4, q90=4, q99=4, most=4),
    )


def test_quantiles_are_the_least_counts_that_enough_do_not_exceed(tmp_path: Path) -> None:
    # A hundred users, with 1 to 100 events.
    rows = [(f"u{n}", f"i{k}", "view", k) for n in range(1, 101) for k in range(n)]
    assert profile_of(tmp_path, rows).events_per_user == Distribution(
        least=1, q25=25, median=50, q75=75, q90=90, q99=99, most=100
    )


def test_one_event_has_a_profile_too(tmp_path: Path) -> None:
    profile = profile_of(tmp_path, EVENTS[:1])
    assert (profile.sparsity, profile.catalogue_items, profile.cold_item_share) == (0, 0, 0)


def test_drift_compares_shares_users_and_items(tmp_path: Path) -> None:
    now = [("u1", "a", "view", 0), ("u1", "a", "view", 1), ("u2", "b", "view", 2),
           ("u4", "c", "rating", 3)]  # fmt: skip
    before = [("u1", "a", "view", 0), ("u2", "b", "view", 1)]
    # P = (1/2, 1/4, 1/4), Q = (1/2, 1/2, 0), M = (1/2, 3/8, 1/8), over the items a, b and c.
    popularity = (
        0.25 * log2(0.25 / 0.375) + 0.25 * log2(0.25 / 0.125) + 0.5 * log2(0.5 / 0.375)
    ) / 2
    # P = (3/4, 1/4), Q = (1, 0), M = (7/8, 1/8), over views and ratings.
    types = (0.75 * log2(0.75 / 0.875) + 0.25 * log2(0.25 / 0.125) + log2(1 / 0.875)) / 2
    assert drift_of(tmp_path, now, before) == DataDrift(
        event_types=round(types, 9),
        item_popularity=round(popularity, 9),
        events_change=1.0,
        users_change=0.5,
        items_change=0.5,
        new_user_share=0.333333333,
        new_item_share=0.333333333,
    )


def test_the_same_data_do_not_drift(tmp_path: Path) -> None:
    drift = drift_of(tmp_path, EVENTS, EVENTS)
    assert set(drift.model_dump().values()) == {0}


def test_data_with_nothing_in_common_drift_most(tmp_path: Path) -> None:
    drift = drift_of(tmp_path, [("u9", "z", "like", 0)], EVENTS)
    assert (drift.event_types, drift.item_popularity) == (1, 1)
    assert (drift.new_user_share, drift.new_item_share) == (1, 1)
    assert drift.users_change == pytest.approx(-2 / 3)


def test_the_order_of_the_events_makes_no_difference(tmp_path: Path) -> None:
    draw = Random(7)
    rows = [
        (f"u{draw.randrange(50)}", f"i{draw.randrange(300)}", draw.choice(["view", "like"]), n)
        for n in range(2_000)
    ]
    shuffled = draw.sample(rows, len(rows))
    assert profile_of(tmp_path, rows) == profile_of(tmp_path, shuffled)
    assert drift_of(tmp_path, rows, EVENTS) == drift_of(tmp_path, shuffled, EVENTS)


counts = st.lists(
    st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=50
).filter(lambda pairs: all(map(sum, zip(*pairs, strict=True))))


@given(counts)
def test_divergence_is_symmetric_bounded_and_zero_for_the_same(
    pairs: list[tuple[int, int]],
) -> None:
    one, other = np.array(pairs, np.int64).T
    there, back = jensen_shannon(one, other), jensen_shannon(other, one)
    assert there == back
    assert 0 <= there <= 1
    assert jensen_shannon(one, one) == jensen_shannon(one, one * 3) == 0
