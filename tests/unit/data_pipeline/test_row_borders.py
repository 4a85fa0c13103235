"""Wherever blocks and chunks end, a file has the same rows."""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.data_pipeline.file_reading import EVENT_HEADER, events, faults, read, same_rows

from contracts.imports import DataType, FileFormat
from data_pipeline.domain.imports import Chunk
from data_pipeline.extract import faults as extract_faults
from data_pipeline.extract import json_rows
from data_pipeline.extract.files import chunks, csv_cuts, records
from data_pipeline.extract.files.chunks import Limits
from data_pipeline.extract.files.csv_cuts import CsvCutter
from data_pipeline.extract.files.records import cut_lines, records_of

ROWS_OF_A_CHUNK = st.integers(1, 6)
BYTES_OF_A_BLOCK = st.integers(1, 60)


@contextmanager
def limited(rows: int, size: int, longest: int = extract_faults.MAX_ROW_BYTES) -> Iterator[None]:
    """Chunks of so many rows, blocks of so many bytes, rows of `longest` bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "COLUMNS", Limits(rows, size))
        patch.setattr(chunks, "OBJECTS", Limits(rows, size))
        patch.setattr(records, "_FIRST_BYTES", size)
        for module in (records, csv_cuts, json_rows):
            patch.setattr(module, "MAX_ROW_BYTES", longest)
        yield


def shown(found: Sequence[Chunk], longest: Sequence[int]) -> list[Any]:
    """What a reader says of the rows; of one too long, it need not have read all."""
    *others, raws = same_rows(found)
    return [*others, [raw[: longest[0] + 1] for raw in raws]]


def same_from_everywhere(
    path: Path, file_format: FileFormat, data_type: DataType, limits: tuple[int, ...]
) -> None:
    """A file has the same rows in chunks of any size, and from each chunk on."""
    rows, size, *longest = limits
    with limited(250_000, 32 * 1024**2, *longest):
        whole = shown(read(path, file_format, data_type), longest)
    with limited(rows, size, *longest):
        parts = read(path, file_format, data_type)
        assert shown(parts, longest) == whole or (parts == [] and not any(whole))
        for place, chunk in enumerate(parts):
            rest = read(path, file_format, data_type, chunk.position)
            assert shown(rest, longest) == shown(parts[place + 1 :], longest)


STRUCTURE = [b'"', b'"', b",", b"\n", b"\n", b"\r\n", b"\r", b'""', b'",', b',"', b'"\n', b'\n"']
TEXTS = [b"a", b"xyz", b"\xff", b"\xd0\xb6", b"\xef\xbb\xbf", b" ", b"\0"]
CSV_ROWS = [b"e,u,i,view,17,2\n", b'"e","u","i","a\nb",17,2\n']
JSON_ROWS = [b"{}", b'{"event_id":"\n"}', b'{"event_id":"a"}\n']
FRAGMENTS = st.sampled_from([*STRUCTURE, *TEXTS, *CSV_ROWS, *JSON_ROWS])
CONTENT = st.lists(FRAGMENTS, max_size=30).map(b"".join)


@settings(max_examples=80)
@given(
    content=CONTENT,
    rows=ROWS_OF_A_CHUNK,
    size=BYTES_OF_A_BLOCK,
    longest=st.sampled_from([12, 40, 1_000]),
    data_type=st.sampled_from([DataType.EVENTS, DataType.ITEMS]),
)
@example(b'"\n"x\n', 1, 1, 1_000, DataType.EVENTS)
@example(b'e,u,i,"a\n\n\n\n\n\n\n\n\n\n\n\n\n",17,2\n', 1, 1, 12, DataType.EVENTS)
def test_any_bytes_are_the_same_rows_of_csv(
    tmp_path_factory, content, rows, size, longest, data_type
) -> None:
    header = EVENT_HEADER if data_type is DataType.EVENTS else "item_id,title"
    path = tmp_path_factory.mktemp("files") / "file"
    path.write_bytes(f"{header}\n".encode() + content)
    with limited(1, 1024, 100):
        same_from_everywhere(path, FileFormat.CSV, data_type, (rows, size, max(longest, 60)))


@settings(max_examples=60)
@given(
    content=st.one_of(CONTENT, st.binary(max_size=60)),
    rows=ROWS_OF_A_CHUNK,
    size=BYTES_OF_A_BLOCK,
    longest=st.sampled_from([5, 20, 1_000]),
    data_type=st.sampled_from([DataType.EVENTS, DataType.ITEMS]),
)
def test_any_bytes_are_the_same_rows_of_jsonl(
    tmp_path_factory, content, rows, size, longest, data_type
) -> None:
    path = tmp_path_factory.mktemp("files") / "file"
    path.write_bytes(content)
    same_from_everywhere(path, FileFormat.JSONL, data_type, (rows, size, longest))


@settings(max_examples=60)
@given(content=st.one_of(CONTENT, st.binary(max_size=60)), columns=st.integers(0, 3))
def test_no_byte_of_a_block_is_lost_between_its_records(content, columns) -> None:
    for cut in (cut_lines, CsvCutter(columns)):
        if not content:
            continue
        cuts = cut(content, True)
        found = records_of(content, cuts, 0, 1_000)
        assert found.position == len(content)
        places = zip(found.starts.tolist(), found.ends.tolist(), strict=True)
        between, last = b"", 0
        for start, end in places:
            between += content[last:start]
            last = end
        assert set(between + content[last:]) <= set(b"\r\n")


CELLS = st.text(st.sampled_from('ab,"\n\r \u0436;\t'), max_size=6)
TABLES = st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=12)


@settings(max_examples=80)
@given(
    table=TABLES,
    # Where lines end in a line feed alone, the writer leaves carriage returns without quotes.
    style=st.sampled_from(
        [("\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_MINIMAL)]
    ),
    rows=ROWS_OF_A_CHUNK,
    size=BYTES_OF_A_BLOCK,
    from_chunk=st.integers(0, 11),
)
def test_csv_is_read_as_the_standard_library_reads_it(
    tmp_path_factory, table, style, rows, size, from_chunk
) -> None:
    line_end, quoting = style
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=line_end, quoting=quoting)
    writer.writerow(["event_id", "user_id", "item_id", "event_type", "timestamp"])
    writer.writerows([(*cells, "1700000000") for cells in table])
    path = tmp_path_factory.mktemp("files") / "file"
    path.write_bytes(text.getvalue().encode())
    names = ("event_id", "user_id", "item_id", "event_type")
    read_rows = list(csv.reader(io.StringIO(text.getvalue(), newline="")))[1:]
    expected = [
        {name: cell for name, cell in zip(names, row, strict=False) if cell}
        | {"timestamp": 1_700_000_000_000}
        for row in read_rows
    ]
    with limited(rows, size):
        found = read(path, FileFormat.CSV, DataType.EVENTS)
        assert events(found) == expected
        assert faults(found) == []
        assert all(chunk.rows <= rows for chunk in found)
        if found:
            place = from_chunk % len(found)
            rest = read(path, FileFormat.CSV, DataType.EVENTS, found[place].position)
            assert events(rest) == events(found[place + 1 :])


def test_a_quote_in_the_middle_of_a_cell_stands_for_itself(tmp_path: Path) -> None:
    path = tmp_path / "file"
    rows = ['5" screen,u,i,view,17,2', 'e,u"",i,view,17,2', '"a""b",u,i,view,17,2']
    path.write_text("\n".join([EVENT_HEADER, *rows]))
    found = read(path, FileFormat.CSV, DataType.EVENTS)
    assert faults(found) == []
    assert [row["event_id"] for row in events(found) if row] == ['5" screen', "e", 'a"b']


def test_one_quote_too_many_spoils_one_row_of_many(tmp_path: Path) -> None:
    sound = [f'e{row},"u""{row}",i,view,17,2' for row in range(20_000)]
    rows = [*sound]
    rows[7] = 'e,"u,i,view,17,2'
    rows[9_000] = 'e,u",i,view,17,"2'
    rows[15_000] = 'e,"u,'
    path = tmp_path / "file"
    path.write_text("\n".join([EVENT_HEADER, *rows, ""]))
    found = read(path, FileFormat.CSV, DataType.EVENTS)
    assert faults(found) == [(row, "invalid_quotes") for row in (7, 9_000, 15_000)]
    kept = [row["user_id"] for row in events(found) if row]
    assert kept == [f'u"{row}' for row in range(20_000) if row not in (7, 9_000, 15_000)]
