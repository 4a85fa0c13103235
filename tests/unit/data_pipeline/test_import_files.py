"""Files of records, read in chunks from any position."""

import csv
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.data_pipeline.file_reading import (
    EVENT_HEADER,
    events,
    faults,
    raws,
    read,
    records,
    same_rows,
    unfit,
)

from contracts.imports import Constant, DataType, FileFormat
from data_pipeline.domain.imports import BrokenFile
from data_pipeline.extract.faults import MAX_ROW_BYTES
from data_pipeline.extract.files import chunks, parquet
from data_pipeline.extract.files.chunks import Limits
from data_pipeline.extract.files.opening import open_file
from data_pipeline.extract.quarantined import extract_quarantined

MOMENT_MS = 1_704_067_200_500
SOUND = {
    "event_id": "e",
    "user_id": "u",
    "item_id": "i",
    "event_type": "view",
    "timestamp": "2024-01-01T00:00:00.5Z",
    "value": 2,
}
SOUND_ROW = {**SOUND, "timestamp": MOMENT_MS, "value": 2.0}
SOUND_LINE = "e,u,i,view,2024-01-01T00:00:00.5Z,2"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes | str], Path]:
    def to_file(content: bytes | str) -> Path:
        path = tmp_path / "file"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return to_file


def broken(path: Path, file_format: FileFormat, data_type: DataType, **options: Any) -> str:
    with pytest.raises(BrokenFile) as caught:
        read(path, file_format, data_type, **options)
    return str(caught.value)


def test_jsonl_gives_a_record_for_each_line_and_a_fault_for_what_is_no_json(write) -> None:
    content = '\ufeff{"a": 1}\n\n[2]\r\n{"a"\n  \nnull\n{"b": "\\ud800"}'
    [chunk] = read(write(content), FileFormat.JSONL)
    assert records([chunk]) == [{"a": 1}, [2], None, {"b": "\ud800"}]
    assert list(chunk.extracted.indexes) == [0, 1, 3, 4]
    assert faults([chunk]) == [(2, "invalid_json")]
    assert raws([chunk])[:3] == [b'{"a": 1}', b"[2]", b'{"a"']
    assert (chunk.rows, chunk.progress) == (5, 1.0)
    assert chunk.notices == {"byte_order_mark": 1, "mixed_line_ends": 1}


def test_jsonl_of_events_is_read_as_columns(write) -> None:
    lines = [SOUND, {**SOUND, "value": "2"}, "x", SOUND, {**SOUND, "colour": 1}]
    content = "\n".join(map(json.dumps, lines)).encode() + b'\n{"event_id": "\xff"}\n{"ev'
    found = read(write(content), FileFormat.JSONL, DataType.EVENTS)
    assert [events(found)[row] for row in (0, 3)] == [SOUND_ROW] * 2
    assert unfit(found) == [1, 2, 4]
    assert faults(found) == [(5, "invalid_utf8"), (6, "truncated_record")]
    assert found[0].extracted.record(1) == lines[1]


@pytest.mark.parametrize("file_format", [FileFormat.JSONL, FileFormat.CSV])
@pytest.mark.parametrize("data_type", [DataType.ITEMS, DataType.EVENTS])
def test_a_row_too_long_is_a_fault_of_its_own(write, file_format, data_type) -> None:
    if file_format is FileFormat.JSONL:
        head, row, end = b"", b'{"event_id": "' if data_type is DataType.EVENTS else b'{"', b'"}\n'
        sound = json.dumps(SOUND if data_type is DataType.EVENTS else {"item_id": "a"}).encode()
    else:
        head = EVENT_HEADER.encode() if data_type is DataType.EVENTS else b"item_id"
        head, row, end = head + b"\n", b"x", b"\n"
        sound = SOUND_LINE.encode() if data_type is DataType.EVENTS else b"a"
    for size in (MAX_ROW_BYTES, 3 * MAX_ROW_BYTES, 40 * MAX_ROW_BYTES):
        path = write(head + sound + b"\n" + row + b"x" * size + end + sound)
        found = read(path, file_format, data_type)
        assert faults(found) == [(1, "row_too_long")]
        assert len(raws(found)[1]) >= MAX_ROW_BYTES
        assert sum(chunk.rows for chunk in found) == 3
        assert raws(found)[2] == sound


@pytest.mark.parametrize("file_format", [FileFormat.JSONL, FileFormat.CSV])
def test_empty_lines_are_no_rows(write, monkeypatch, file_format) -> None:
    monkeypatch.setattr(chunks, "OBJECTS", Limits(4, 1024))
    row, head = (b"x\n", b"item_id\n") if file_format is FileFormat.CSV else (b'"x"\n', b"")
    found = read(write(head + b"\n" * 5 + row + b"\r\n" * 3), file_format)
    assert sum(chunk.rows for chunk in found) == len(records(found)) == 1
    assert found[-1].progress == 1.0


def test_closing_waits_for_a_read_in_another_thread(write) -> None:
    reader = open_file(write(b"{}\n" * 200_000), DataType.ITEMS, FileFormat.JSONL, 0)
    with ThreadPoolExecutor(1) as pool:
        for _ in range(10):
            reading = pool.submit(reader.read)
        reader.close()
        chunk = reading.result()
    assert chunk is None or chunk.rows == chunks.OBJECTS.rows


def test_csv_maps_columns_to_fields_and_converts_their_cells(write) -> None:
    path = write(
        "\ufeffitem_id,title,categories,year,available,location.latitude,location.longitude,"
        "attributes.price,attributes.brand,attributes.new,attributes.sku\r\n"
        'i1,"A ""big"", red\nball",Toys | Balls,1979,FALSE,52.5,-13,9.5,Acme,true,007\r\n'
        "i2,,,,,,,,,,\r\n"
        "i3,x,,19x,yes,north,1,1e3,7,TRUE,-3\r\n"
    )
    [chunk] = read(path, FileFormat.CSV)
    assert chunk.notices == {"byte_order_mark": 1}
    assert records([chunk]) == [
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


FAULTS = {
    "wrong_number_of_cells": (b"e,u", b"e,u,i,view,1700000000,2,3", b",,,,,,,,", b"  "),
    "invalid_utf8": (b"e,\xff,i,view,1700000000,2", b"\xc3\x28", b"e,u,i,view,1700000000,\xe2\x82"),
    "byte_order_mark": (b"\xef\xbb\xbfe,u,i,view,1700000000,2", b"e,u\xef\xbb\xbf,i,view,17,2"),
    "invalid_quotes": (b'"e,u,i,view,1700000000,2', b'e,"u"x,i,view,1700000000,2', b'e,"', b'",'),
    "stray_carriage_return": (b"e,u\r,i,view,1700000000,2", b"\re,u,i,view,1700000000,2"),
}


@pytest.mark.parametrize(
    ("code", "row"), [(code, row) for code, rows in FAULTS.items() for row in rows], ids=repr
)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("quoted", [b"", b'"q""\n""\r\n,q",u,i,view,1700000000,\n'], ids=["", "q"])
def test_a_row_of_csv_that_holds_nothing_is_named_and_spoils_no_other(
    write, code, row, line_end, quoted
) -> None:
    sound = SOUND_LINE.encode()
    lines = [EVENT_HEADER.encode(), sound, row, sound, row, row, sound, b""]
    found = read(write(line_end.join(lines) + quoted), FileFormat.CSV, DataType.EVENTS)
    assert faults(found) == [(1, code), (3, code), (4, code)]
    assert unfit(found) == []
    assert [events(found)[place] for place in (0, 2, 5)] == [SOUND_ROW] * 3
    assert [raws(found)[place] for place in (1, 3, 4)] == [row] * 3
    assert [one.raw for one in found[0].extracted.faults] == [row] * 3
    if quoted:
        assert events(found)[6] == {
            **{name: SOUND[name] for name in ("user_id", "item_id", "event_type")},
            "event_id": 'q"\n"\r\n,q',
            "timestamp": 1_700_000_000_000,
        }


@pytest.mark.parametrize(
    "row",
    [
        "e,u,i,view,yesterday,2",
        "e,u,i,view,2024-01-01T00:00:00,2",
        "e,u,i,view,2024-02-30T00:00:00Z,2",
        "e,u,i,view,1700000000,two",
        "e,u,i,view,1700000000,NaN",
        "e,u,i,view,1700000000,-Infinity",
        "e,u,i,view,1700000000,1e999",
    ],
)
def test_a_row_of_csv_that_does_not_fit_shows_its_record(write, row) -> None:
    path = write(f"{EVENT_HEADER}\n{SOUND_LINE}\n{row}\n{SOUND_LINE}")
    found = read(path, FileFormat.CSV, DataType.EVENTS)
    assert (unfit(found), faults(found)) == ([1], [])
    assert [events(found)[place] for place in (0, 2)] == [SOUND_ROW] * 2
    record = found[0].extracted.record(1)
    assert record["event_id"] == "e"
    assert str(record["timestamp"]) == row.split(",")[4]
    assert found[0].extracted.record(0) == {**SOUND, "value": 2.0}


@pytest.mark.parametrize(
    "last", ["e,u,i", "e", 'e,"u', "e,u,i,view,2024-01-01T00", "e,u,i,view,2024-01-01T00:00:00Z,-"]
)
def test_a_last_row_that_breaks_off_is_named_so(write, last) -> None:
    path = write(f"{EVENT_HEADER}\n{SOUND_LINE}\n{last}")
    found = read(path, FileFormat.CSV, DataType.EVENTS)
    assert (faults(found), unfit(found)) == ([(1, "truncated_record")], [])
    assert events(found)[0] == SOUND_ROW
    path = write(f"{EVENT_HEADER}\n{SOUND_LINE}")
    assert events(read(path, FileFormat.CSV, DataType.EVENTS)) == [SOUND_ROW]


def test_rows_of_items_have_the_same_faults(write) -> None:
    rows = [b"a,x", b"b", b"c,\xff", b'd,"x', b"e,\xef\xbb\xbf", b"f\r,", b"g,x", b"h"]
    found = read(write(b"\n".join([b"item_id,title", *rows])), FileFormat.CSV)
    assert [record["item_id"] for record in records(found)] == ["a", "g"]
    assert [code for _, code in faults(found)] == [
        "wrong_number_of_cells",
        "invalid_utf8",
        "invalid_quotes",
        "byte_order_mark",
        "stray_carriage_return",
        "truncated_record",
    ]


def test_mixed_line_ends_are_a_notice(write) -> None:
    path = write(f"{EVENT_HEADER}\r\n{SOUND_LINE}\n{SOUND_LINE}\r\n{SOUND_LINE}\n")
    [chunk] = read(path, FileFormat.CSV, DataType.EVENTS)
    assert events([chunk]) == [SOUND_ROW] * 3
    assert chunk.notices == {"mixed_line_ends": 2}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no header"),
        ("\n\n", "no header"),
        ("item_id,colour\n", "'colour' is no field of an item"),
        ("item_id;title\n", "'item_id;title' is no field"),
        ("title\n", "item_id is missing"),
        ("item_id,title,title\n", "'title' is there twice"),
        ('item_id,"title\n', "no header"),
        (b"item_id\xff\n", "no header"),
        ("x" * 2 * MAX_ROW_BYTES + "\n", "no header"),
    ],
    ids=range(9),
)
def test_a_csv_file_without_a_header_is_broken(write, content, words) -> None:
    assert words in broken(write(content), FileFormat.CSV, DataType.ITEMS)


def test_attributes_are_no_columns_of_events(write) -> None:
    path = write(f"{EVENT_HEADER},attributes.price\n")
    assert "no field of an event" in broken(path, FileFormat.CSV, DataType.EVENTS)


MAPPING: dict[str, str | Constant | None] = {
    "uid": "user_id",
    "sku": "item_id",
    "note": None,
    "event_type": Constant(constant="view"),
    "value": Constant(constant=2),
}


@pytest.mark.parametrize("file_format", FileFormat)
def test_a_mapping_renames_leaves_out_and_adds(tmp_path, write, file_format) -> None:
    theirs = {"event_id": "e", "uid": "u", "note": "n", "sku": "i", "timestamp": MOMENT_MS / 1000}
    if file_format is FileFormat.CSV:
        path = write(f"{','.join(theirs)}\n{','.join(map(str, theirs.values()))}\n")
    elif file_format is FileFormat.JSONL:
        path = write(json.dumps(theirs))
    else:
        path = to_parquet(tmp_path / "file", {name: [value] for name, value in theirs.items()})
    found = read(path, file_format, DataType.EVENTS, mapping=MAPPING)
    assert (events(found), unfit(found)) == ([SOUND_ROW], [])
    record = found[0].extracted.record(0)
    assert {**record, "timestamp": float(record["timestamp"])} == {
        **SOUND,
        "timestamp": MOMENT_MS / 1000,
    }


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"none": "title"}, "no column 'none'"),
        ({"title": "colour"}, "'colour' is no field"),
        ({"title": "item_id"}, "'item_id' is there twice"),
        ({"item_id": None}, "item_id is missing"),
        ({"title": Constant(constant="x"), "item_id": "title"}, "'title' is there twice"),
    ],
    ids=range(5),
)
def test_a_mapping_that_does_not_fit_is_named_in_words(write, mapping, words) -> None:
    path = write("item_id,title\n")
    assert words in broken(path, FileFormat.CSV, DataType.ITEMS, mapping=mapping)


@pytest.mark.parametrize("data_type", [DataType.ITEMS, DataType.EVENTS])
@pytest.mark.parametrize("file_format", [FileFormat.CSV, FileFormat.JSONL])
def test_rows_in_quarantine_are_read_again_as_in_their_file(write, data_type, file_format) -> None:
    mapping: dict[str, str | Constant | None] = {"no": None, "sku": "item_id"}
    if data_type is DataType.EVENTS:
        theirs = {"event_id": "e", "user_id": "u", "no": "n", "event_type": "view"}
        theirs |= {"sku": "i", "timestamp": "2024-01-01T00:00:00.5Z"}
        mapping["value"] = Constant(constant=2)
    else:
        theirs = {"sku": "i", "no": "n", "title": 'a "b"\n, c'}
        mapping["year"] = Constant(constant=1999)
    quoted = [f'"{value.replace(chr(34), chr(34) * 2)}"' for value in theirs.values()]
    rows = [json.dumps(theirs)] * 2 + ["{"] + [json.dumps(theirs)] + ["7"]
    if file_format is FileFormat.CSV:
        rows = [",".join(theirs), ",".join(quoted), 'a,"b', ",".join(quoted), "a,b"]
    found = read(write("\n".join(rows) + "\n"), file_format, data_type, mapping=mapping)
    [chunk] = found
    again = extract_quarantined(data_type, raws(found), chunk.form)
    if data_type is DataType.EVENTS:
        assert again.events == chunk.extracted.events
        assert again.unfit.tolist() == unfit(found)
        assert again.record(0) == chunk.extracted.record(0)
    else:
        assert list(again.records) == records(found)
        assert list(again.indexes) == list(chunk.extracted.indexes)
    assert list(again.faults) == list(chunk.extracted.faults)


def to_parquet(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


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


def test_wide_rows_make_small_chunks(write, monkeypatch) -> None:
    monkeypatch.setattr(chunks, "OBJECTS", Limits(1_000, 1_000))
    path = write("".join(json.dumps({"a": "x" * 300}) + "\n" for _ in range(10)))
    found = read(path, FileFormat.JSONL)
    assert [chunk.rows for chunk in found] == [3, 3, 3, 1]


ROWS = st.lists(
    st.tuples(st.text(st.characters(codec="utf-8"), min_size=1), st.integers(-9_999, 9_999)),
    min_size=1,
    max_size=30,
)


@settings(max_examples=60)
@given(rows=ROWS, size=st.integers(1, 7), file_format=st.sampled_from(FileFormat))
def test_reading_on_from_any_chunk_gives_what_reading_through_gives(
    tmp_path_factory, rows, size, file_format
) -> None:
    path = tmp_path_factory.mktemp("files") / "file"
    expected = [
        {"item_id": title.replace("\ufeff", "x"), "year": year}
        for title, year in rows
        if title.strip()
    ]
    write_rows(path, expected, file_format)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "OBJECTS", Limits(size, 1024**2))
        whole = read(path, file_format)
        assert records(whole) == expected
        assert [chunk.progress for chunk in whole] == sorted(chunk.progress for chunk in whole)
        assert all(chunk.rows <= size for chunk in whole)
        for n, chunk in enumerate(whole):
            rest = read(path, file_format, position=chunk.position)
            assert same_rows(rest) == same_rows(whole[n + 1 :])
    if whole:
        assert whole[-1].progress == 1.0


def write_rows(path: Path, expected: list[dict[str, Any]], file_format: FileFormat) -> None:
    if file_format is FileFormat.PARQUET:
        schema = pa.schema({"item_id": pa.string(), "year": pa.int64()})
        pq.write_table(pa.Table.from_pylist(expected, schema), path, row_group_size=4)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        if file_format is FileFormat.JSONL:
            file.writelines(json.dumps(row) + "\n" for row in expected)
            return
        writer = csv.DictWriter(file, ["item_id", "year"])
        writer.writeheader()
        writer.writerows(expected)
