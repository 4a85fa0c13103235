"""Files of Parquet: columns of many types, and what they cannot say."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.data_pipeline.file_reading import (
    MOMENT_MS,
    broken,
    events,
    faults,
    read,
    records,
    to_parquet,
    unfit,
)

from contracts.imports import DataType, FileFormat
from data_pipeline.domain.imports import BrokenFile
from data_pipeline.extract.files import chunks, parquet
from data_pipeline.extract.files.chunks import Limits
from data_pipeline.extract.files.opening import open_file


def test_parquet_gives_events_of_flat_columns(tmp_path: Path) -> None:
    moment = datetime(2024, 1, 1, 0, 0, 0, 500_999, tzinfo=UTC)
    path = to_parquet(
        tmp_path / "file",
        {
            "event_id": pa.array(["a", "b"]).dictionary_encode(),
            "user_id": pa.array(["u", None], pa.large_string()),
            "item_id": ["i", "j"],
            "event_type": ["view", "click"],
            "timestamp": pa.array([moment, moment], pa.timestamp("ns", "Europe/Berlin")),
            "value": pa.array([3, None], pa.int64()),
        },
    )
    found = read(path, FileFormat.PARQUET, DataType.EVENTS)
    first = {"event_id": "a", "user_id": "u", "item_id": "i", "event_type": "view"}
    assert events(found) == [
        {**first, "timestamp": MOMENT_MS, "value": 3.0},
        {"event_id": "b", "item_id": "j", "event_type": "click", "timestamp": MOMENT_MS},
    ]
    assert found[0].extracted.record(0) == {**first, "timestamp": moment, "value": 3.0}
    assert json.loads(found[0].extracted.raw(0))["timestamp"] == "2024-01-01T00:00:00.500999+00:00"


@pytest.mark.parametrize(
    ("times", "ms", "lost"),
    [
        (pa.array([5, -5], pa.int32()), [5_000, -5_000], []),
        (pa.array([20_000_000_001, None]), [20_000_000_001, None], []),
        (pa.array([1.5, float("nan"), -0.0005]), [1_500, None, -1], [1]),
        (pa.array([1.0, None, 1e300]), [1_000, None, None], [2]),
        (pa.array(["1970-01-01T00:00:01Z", "x"]), [1_000, None], [1]),
        (pa.array([-1], pa.timestamp("us", "UTC")), [-1], []),
        (pa.array([1, None], pa.timestamp("s", "UTC")), [1_000, None], []),
        (pa.array([1, -(2**62)], pa.timestamp("ms", "UTC")), [1, None], [1]),
    ],
    ids=range(8),
)
def test_times_of_any_column_are_cut_to_milliseconds(tmp_path, times, ms, lost) -> None:
    texts = {name: ["x"] * len(times) for name in ("event_id", "user_id", "item_id", "event_type")}
    path = to_parquet(tmp_path / "file", {**texts, "timestamp": times})
    found = read(path, FileFormat.PARQUET, DataType.EVENTS)
    assert [row.get("timestamp") for row in events(found)] == ms
    assert unfit(found) == lost
    for row in range(len(times)):
        assert json.loads(found[0].extracted.raw(row))["event_id"] == "x"


def test_numbers_of_parquet_that_are_none_are_unfit(tmp_path: Path) -> None:
    texts = {name: ["x"] * 3 for name in ("event_id", "user_id", "item_id", "event_type")}
    values = [1.5, float("nan"), float("inf")]
    path = to_parquet(tmp_path / "file", {**texts, "timestamp": [1, 2, 3], "value": values})
    assert unfit(read(path, FileFormat.PARQUET, DataType.EVENTS)) == [1, 2]


@pytest.mark.parametrize("data_type", [DataType.ITEMS, DataType.EVENTS])
def test_texts_of_parquet_that_are_not_utf8_are_faults(tmp_path, data_type) -> None:
    spoilt = pa.array([b"a", b"\xff", b"c"], pa.binary()).view(pa.string())
    columns: dict[str, Any] = {"item_id": spoilt}
    if data_type is DataType.EVENTS:
        texts = {name: ["x"] * 3 for name in ("event_id", "user_id", "event_type")}
        columns = {**texts, "item_id": spoilt, "timestamp": [1, 2, 3]}
    found = read(to_parquet(tmp_path / "file", columns), FileFormat.PARQUET, data_type)
    assert faults(found) == [(1, "invalid_utf8")]
    assert found[0].extracted.raw(1) == b"\xff"
    kept = events(found) if data_type is DataType.EVENTS else records(found)
    assert [row["item_id"] for row in kept if row] == ["a", "c"]


def test_parquet_takes_groups_as_structs_maps_or_columns(tmp_path: Path) -> None:
    path = to_parquet(
        tmp_path / "file",
        {
            "item_id": ["i", "j"],
            "categories": [["a", "b"], []],
            "location": [{"latitude": 1.0, "longitude": 2.0}, None],
            "attributes": pa.array(
                [[("brand", "Acme"), ("size", None)], None], pa.map_(pa.string(), pa.string())
            ),
            "attributes.price": [9.5, None],
        },
    )
    assert records(read(path, FileFormat.PARQUET)) == [
        {
            "item_id": "i",
            "categories": ["a", "b"],
            "location": {"latitude": 1.0, "longitude": 2.0},
            "attributes": {"brand": "Acme", "price": 9.5},
        },
        {"item_id": "j", "categories": []},
    ]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"item_id": ["a"], "colour": ["red"]}, "'colour' is no field of an item"),
        ({"title": ["a"]}, "item_id is missing"),
        ({"item_id": [1]}, "item_id must be a column of strings, not int64"),
        ({"item_id": ["a"], "year": ["1979"]}, "year must be a column of whole numbers"),
        ({"item_id": ["a"], "categories": ["x"]}, "categories must be a list of strings"),
        ({"item_id": ["a"], "attributes": [{"not a name": {"x": 1}}], "o": [1]}, "no field"),
        ({"item_id": ["a"], "location": [{"latitude": "x"}]}, "latitude must be a column of num"),
    ],
    ids=range(7),
)
def test_a_parquet_file_of_another_schema_is_named_in_words(tmp_path, columns, words) -> None:
    path = to_parquet(tmp_path / "file", columns)
    assert words in broken(path, FileFormat.PARQUET, DataType.ITEMS)


def test_a_time_without_a_zone_is_refused(tmp_path: Path) -> None:
    texts = {name: ["x"] for name in ("event_id", "user_id", "item_id", "event_type")}
    path = to_parquet(tmp_path / "file", {**texts, "timestamp": pa.array([0], pa.timestamp("ms"))})
    assert "with a time zone" in broken(path, FileFormat.PARQUET, DataType.EVENTS)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"item_id\na\n" * 100, b"PAR1" * 100], ids=len)
def test_what_is_not_parquet_is_named_in_words(write, content) -> None:
    words = broken(write(content), FileFormat.PARQUET, DataType.ITEMS)
    assert "cannot be read as Parquet" in words


def test_a_damaged_page_ends_parquet_after_the_rows_before_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(chunks, "OBJECTS", Limits(100, 1024**2))
    path = to_parquet(
        tmp_path / "file",
        {"item_id": [f"{n:050d}" for n in range(1_000)]},
        row_group_size=500,
        use_dictionary=False,
        compression="zstd",
    )
    offset = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    content = bytearray(path.read_bytes())
    content[offset : offset + 200] = bytes(200)
    path.write_bytes(content)
    reader = open_file(path, DataType.ITEMS, FileFormat.PARQUET, 0)
    assert sum(chunk.rows for chunk in (reader.read() for _ in range(5)) if chunk) == 500
    for _ in range(2):
        with pytest.raises(BrokenFile, match="cannot be read as Parquet"):
            reader.read()


def test_a_row_group_too_large_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(parquet, "MAX_ROW_GROUP_BYTES", 100)
    path = to_parquet(tmp_path / "file", {"item_id": [f"{n:050d}" for n in range(1_000)]})
    assert "row group is larger" in broken(path, FileFormat.PARQUET, DataType.ITEMS)
