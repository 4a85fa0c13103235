"""Files of CSV: each row that holds nothing is named, and spoils no other."""

import pytest
from tests.unit.data_pipeline.file_reading import (
    EVENT_HEADER,
    SOUND,
    SOUND_LINE,
    SOUND_ROW,
    broken,
    events,
    faults,
    raws,
    read,
    records,
    unfit,
)

from contracts.imports import DataType, FileFormat
from data_pipeline.extract.faults import MAX_ROW_BYTES


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
