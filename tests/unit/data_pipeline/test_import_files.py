"""Files of records, read in chunks from any position."""

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.data_pipeline.file_reading import (
    EVENT_HEADER,
    MOMENT_MS,
    SOUND,
    SOUND_LINE,
    SOUND_ROW,
    broken,
    events,
    faults,
    raws,
    read,
    records,
    same_rows,
    to_parquet,
    unfit,
)

from contracts.imports import Constant, DataType, FileFormat
from data_pipeline.extract.faults import MAX_ROW_BYTES
from data_pipeline.extract.files import chunks
from data_pipeline.extract.files.chunks import Limits
from data_pipeline.extract.files.opening import open_file
from data_pipeline.extract.quarantined import extract_quarantined


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
