"""Files of records, read in chunks from any position."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.imports import DataType, FileFormat
from data_pipeline.domain.imports import BrokenFile, Chunk
from data_pipeline.extract.files import chunks, csv_rows, parquet
from data_pipeline.extract.files.lines import MAX_LINE
from data_pipeline.extract.files.opening import open_file

EVENT_HEADER = "event_id,user_id,item_id,event_type,timestamp,value"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes | str], Path]:
    def to_file(content: bytes | str) -> Path:
        path = tmp_path / "file"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return to_file


def read(
    path: Path,
    file_format: FileFormat = FileFormat.JSONL,
    data_type: DataType = DataType.ITEMS,
    position: int = 0,
) -> list[Chunk]:
    reader = open_file(path, data_type, file_format, position)
    found = []
    while (chunk := reader.read()) is not None:
        found.append(chunk)
    reader.close()
    return found


def records(found: Sequence[Chunk]) -> list[Any]:
    return [record for chunk in found for record in chunk.records]


def broken(path: Path, file_format: FileFormat, data_type: DataType = DataType.ITEMS) -> str:
    with pytest.raises(BrokenFile) as caught:
        read(path, file_format, data_type)
    return str(caught.value)


def test_jsonl_gives_a_record_for_each_line_and_a_fault_for_what_is_no_json(write) -> None:
    [chunk] = read(write('\ufeff{"a": 1}\n\n[2]\r\n{"a"\n  \nnull\n{"b": "\\ud800"}'))
    assert list(chunk.records) == [{"a": 1}, [2], None, {"b": "\ud800"}]
    assert list(chunk.indexes) == [0, 1, 3, 4]
    assert [(one.index, one.code) for one in chunk.rejected] == [(2, "invalid_json")]
    assert (chunk.rows, chunk.progress) == (5, 1.0)


def test_a_line_too_long_is_rejected_alone(write) -> None:
    long = json.dumps({"a": "x" * 3 * MAX_LINE})
    [chunk] = read(write(f'{{"a": 1}}\n{long}\n{{"a": 2}}\n'))
    assert list(chunk.records) == [{"a": 1}, {"a": 2}]
    assert [(one.index, one.code) for one in chunk.rejected] == [(1, "row_too_long")]


@pytest.mark.parametrize("file_format", [FileFormat.JSONL, FileFormat.CSV])
def test_empty_lines_are_no_rows_but_end_a_chunk_as_others_do(
    write, monkeypatch, file_format
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 4)
    row, head = (b"x\n", b"item_id\n") if file_format is FileFormat.CSV else (b'"x"\n', b"")
    found = read(write(head + b"\n" * 5 + row + b"\r\n" * 3), file_format)
    assert [chunk.rows for chunk in found] == [0, 1, 0]
    assert [list(chunk.indexes) for chunk in found] == [[], [0], []]
    assert found[-1].progress == 1.0


def test_closing_waits_for_a_read_in_another_thread(write) -> None:
    reader = open_file(write(b"{}\n" * 200_000), DataType.ITEMS, FileFormat.JSONL, 0)
    with ThreadPoolExecutor(1) as pool:
        for _ in range(10):
            reading = pool.submit(reader.read)
        reader.close()
        chunk = reading.result()
    assert chunk is None or chunk.rows == chunks.CHUNK_ROWS


@pytest.mark.parametrize("file_format", [FileFormat.JSONL, FileFormat.CSV])
def test_the_rows_before_a_byte_that_is_not_utf8_are_read(write, file_format) -> None:
    start = b'{"item_id": "a"}\n' if file_format is FileFormat.JSONL else b"item_id\na\n"
    reader = open_file(write(start + b"b\xff\n"), DataType.ITEMS, file_format, 0)
    chunk = reader.read()
    assert chunk is not None
    assert list(chunk.records) == [{"item_id": "a"}]
    for _ in range(2):
        with pytest.raises(BrokenFile, match=f"not UTF-8 at byte {len(start) + 1}"):
            reader.read()
    reader.close()


def test_csv_maps_columns_to_fields_and_converts_their_cells(write) -> None:
    path = write(
        "\ufeffitem_id,title,categories,year,available,location.latitude,location.longitude,"
        "attributes.price,attributes.brand,attributes.new,attributes.sku\r\n"
        'i1,"A ""big"", red\nball",Toys | Balls,1979,FALSE,52.5,-13,9.5,Acme,true,007\r\n'
        "i2,,,,,,,,,,\r\n"
        "i3,x,,19x,yes,north,1,1e3,7,TRUE,-3\r\n"
    )
    [chunk] = read(path, FileFormat.CSV)
    assert list(chunk.records) == [
        {
            "item_id": "i1",
            "title": 'A "big", red\nball',
            "categories": ["Toys", "Balls"],
            "year": 1979,
            "available": False,
            "location": {"latitude": 52.5, "longitude": -13.0},
            "attributes": {"price": 9.5, "brand": "Acme", "new": True, "sku": "007"},
        },
        {"item_id": "i2"},
        {
            "item_id": "i3",
            "title": "x",
            "year": "19x",
            "available": "yes",
            "location": {"latitude": "north", "longitude": 1.0},
            "attributes": {"price": 1000.0, "brand": 7, "new": "TRUE", "sku": -3},
        },
    ]


def test_csv_rejects_a_row_with_other_cells_than_the_header(write) -> None:
    path = write(f"{EVENT_HEADER}\na,b\ne,u,i,view,1700000000,2\n")
    [chunk] = read(path, FileFormat.CSV, DataType.EVENTS)
    assert [(one.index, one.code) for one in chunk.rejected] == [(0, "wrong_number_of_cells")]
    assert chunk.records[0]["value"] == 2.0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no header"),
        ("\n\n", "no header"),
        ("item_id,colour\n", "'colour' is no field of an item"),
        ("item_id;title\n", "'item_id;title' is no field"),
        ("title\n", "item_id is missing"),
        ("item_id,title,title\n", "'title' is there twice"),
        ('item_id\n"a\n', "is a quote left open"),
        ('item_id\n"a"b\n', "not CSV"),
        ("item_id\n" + "x" * 2 * MAX_LINE, f"more than {MAX_LINE} bytes"),
        (b"item_id\n\xc3\x28\n", "not UTF-8"),
    ],
    ids=str,
)
def test_a_broken_csv_file_is_named_in_words(write, content, words) -> None:
    path = write(content)
    assert words in broken(path, FileFormat.CSV)


def test_attributes_are_no_columns_of_events(write) -> None:
    path = write(f"{EVENT_HEADER},attributes.price\n")
    assert "no field of an event" in broken(path, FileFormat.CSV, DataType.EVENTS)


def to_parquet(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


def test_parquet_gives_records_of_flat_columns(tmp_path: Path) -> None:
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    path = to_parquet(
        tmp_path / "file",
        {
            "event_id": pa.array(["a", "b"]).dictionary_encode(),
            "user_id": ["u", None],
            "item_id": ["i", "j"],
            "event_type": ["view", "click"],
            "timestamp": pa.array([moment, moment], pa.timestamp("ns", "UTC")),
            "value": pa.array([3, None], pa.int64()),
        },
    )
    [chunk] = read(path, FileFormat.PARQUET, DataType.EVENTS)
    first = {"event_id": "a", "user_id": "u", "item_id": "i", "event_type": "view"}
    assert list(chunk.records) == [
        {**first, "timestamp": moment, "value": 3.0},
        {"event_id": "b", "item_id": "j", "event_type": "click", "timestamp": moment},
    ]


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
    [chunk] = read(path, FileFormat.PARQUET)
    assert list(chunk.records) == [
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
    ],
    ids=str,
)
def test_a_parquet_file_of_another_schema_is_named_in_words(tmp_path, columns, words) -> None:
    assert words in broken(to_parquet(tmp_path / "file", columns), FileFormat.PARQUET)


def test_a_time_without_a_zone_is_refused(tmp_path: Path) -> None:
    texts = {name: ["x"] for name in ("event_id", "user_id", "item_id", "event_type")}
    columns = {**texts, "timestamp": pa.array([0], pa.timestamp("ms"))}
    path = to_parquet(tmp_path / "file", columns)
    assert "with a time zone" in broken(path, FileFormat.PARQUET, DataType.EVENTS)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"item_id\na\n" * 100, b"PAR1" * 100])
def test_what_is_not_parquet_is_named_in_words(write, content) -> None:
    assert "cannot be read as Parquet" in broken(write(content), FileFormat.PARQUET)


def test_a_damaged_page_ends_parquet_after_the_rows_before_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 100)
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
    with pytest.raises(BrokenFile, match="cannot be read as Parquet"):
        reader.read()


def test_a_row_group_too_large_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(parquet, "MAX_ROW_GROUP_BYTES", 100)
    path = to_parquet(tmp_path / "file", {"item_id": [f"{n:050d}" for n in range(1_000)]})
    assert "row group is larger" in broken(path, FileFormat.PARQUET)


def test_wide_rows_make_small_chunks(write, monkeypatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 1_000)
    found = read(write("".join(json.dumps({"a": "x" * 300}) + "\n" for _ in range(10))))
    assert [chunk.rows for chunk in found] == [4, 4, 2]


ROWS = st.lists(
    st.tuples(st.text(st.characters(codec="utf-8"), min_size=1), st.integers(-9_999, 9_999)),
    min_size=1,
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, size=st.integers(1, 7), file_format=st.sampled_from(FileFormat))
def test_reading_on_from_any_chunk_gives_what_reading_through_gives(
    tmp_path_factory, rows, size, file_format
) -> None:
    path = tmp_path_factory.mktemp("files") / "file"
    expected = [{"item_id": title, "year": year} for title, year in rows]
    write_rows(path, expected, file_format)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "CHUNK_ROWS", size)
        whole = read(path, file_format)
        assert records(whole) == expected
        assert [chunk.rows for chunk in whole[:-1]] == [size] * (len(whole) - 1)
        assert [chunk.progress for chunk in whole] == sorted(chunk.progress for chunk in whole)
        assert whole[-1].progress == 1.0
        for n, chunk in enumerate(whole):
            assert read(path, file_format, position=chunk.position) == whole[n + 1 :]


def write_rows(path: Path, expected: list[dict[str, Any]], file_format: FileFormat) -> None:
    if file_format is FileFormat.PARQUET:
        pq.write_table(pa.Table.from_pylist(expected), path, row_group_size=4)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        if file_format is FileFormat.JSONL:
            file.writelines(json.dumps(row) + "\n" for row in expected)
            return
        writer = csv_rows.csv.DictWriter(file, ["item_id", "year"])
        writer.writeheader()
        writer.writerows(expected)
