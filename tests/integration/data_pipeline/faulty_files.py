"""Files of events with faults of many kinds at known rows."""

import io
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

ITEMS: Final = [f"i{number}" for number in range(1_000)]

_FAULTY: Final = 100
"""One row of so many has a fault."""

_COLUMNS: Final = ("event_id", "user_id", "item_id", "event_type", "timestamp", "value")
_FUTURE: Final = 4_000_000_000
_LONG: Final = "x" * 300
_MARK: Final = "\ufeff"

DUPLICATE: Final = "duplicate"
MIXED: Final = "mixed_line_ends"


@dataclass(frozen=True, slots=True)
class FaultyFile:
    """A file of `rows` rows: the code of each faulty one, and which are no faults after all.

    `duplicates` are rows with the id of an earlier one, `notices` what hurts nothing.
    """

    content: bytes
    rows: int
    codes: Mapping[int, str]
    duplicates: frozenset[int]
    notices: Mapping[str, int]


def sound_event(row: int) -> dict[str, Any]:
    """What a row should have been."""
    return {
        "event_id": f"e{row}",
        "user_id": f"u{row % 5_000}",
        "item_id": ITEMS[row % len(ITEMS)],
        "event_type": "view",
        "timestamp": 1_700_000_000 + row // 10,
        "value": float(row % 5),
    }


def faulty_csv(rows: int) -> FaultyFile:
    """With a byte order mark at its start, and without the end of its last line."""
    kinds: Mapping[str, Callable[[int], bytes]] = {
        "invalid_type": lambda row: _cells(row, value="abc"),
        "missing_field": lambda row: _cells(row, user_id=""),
        "invalid_utf8": lambda row: _cells(row).replace(b",u", b",\xff", 1),
        "timestamp_in_future": lambda row: _cells(row, timestamp=_FUTURE),
        "unknown_item": lambda row: _cells(row, item_id="nowhere"),
        "invalid_value": lambda row: _cells(row, value="nan"),
        "invalid_identifier": lambda row: _cells(row, event_id=_LONG),
        DUPLICATE: lambda row: _cells(row, event_id=f"e{row - 1}"),
        "wrong_number_of_cells": lambda row: _cells(row).replace(b"\n", b",1\n"),
        "byte_order_mark": lambda row: _cells(row, user_id=f"u{_MARK}"),
        MIXED: lambda row: _cells(row).replace(b"\n", b"\r\n"),
    }
    lines, planted = _planted(rows, kinds, _cells)
    head = (_MARK + ",".join(_COLUMNS) + "\n").encode()
    return _text_file(head + b"".join(lines), planted, notices={"byte_order_mark": 1})


def faulty_jsonl(rows: int) -> FaultyFile:
    """The same kinds, as far as there are such in JSON."""
    kinds: Mapping[str, Callable[[int], bytes]] = {
        "invalid_type": lambda row: _line(row, value="abc"),
        "missing_field": lambda row: _line(row).replace(b'"user_id"', b'"recommendation_id"'),
        "invalid_utf8": lambda row: _line(row).replace(b'"u', b'"\xff', 1),
        "timestamp_in_future": lambda row: _line(row, timestamp=_FUTURE),
        "unknown_item": lambda row: _line(row, item_id="nowhere"),
        "invalid_json": lambda row: _line(row, value=math.nan),
        "invalid_identifier": lambda row: _line(row, event_id=_LONG),
        DUPLICATE: lambda row: _line(row, event_id=f"e{row - 1}"),
        "unexpected_field": lambda row: _line(row, colour="red"),
        "byte_order_mark": lambda row: _MARK.encode() + _line(row),
        MIXED: lambda row: _line(row).replace(b"\n", b"\r\n"),
    }
    lines, planted = _planted(rows, kinds, _line)
    return _text_file(_MARK.encode() + b"".join(lines), planted, notices={"byte_order_mark": 1})


def faulty_parquet(rows: int) -> FaultyFile:
    """The kinds that columns with types leave room for."""
    kinds: Mapping[str, Callable[[int], dict[str, Any]]] = {
        "missing_field": lambda row: {**sound_event(row), "user_id": None},
        "invalid_utf8": lambda row: {**sound_event(row), "user_id": b"u\xff"},
        "timestamp_in_future": lambda row: {**sound_event(row), "timestamp": _FUTURE},
        "unknown_item": lambda row: {**sound_event(row), "item_id": "nowhere"},
        "invalid_value": lambda row: {**sound_event(row), "value": math.nan},
        "invalid_identifier": lambda row: {**sound_event(row), "event_id": _LONG},
        DUPLICATE: lambda row: {**sound_event(row), "event_id": f"e{row - 1}"},
    }
    records, planted = _planted(rows, kinds, sound_event)
    columns = {name: [record[name] for record in records] for name in _COLUMNS}
    # Arrow looks at texts on their way from bytes only where it is asked to.
    columns["user_id"] = pa.array(columns["user_id"], pa.binary()).view(pa.string())
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, row_group_size=rows // 4)
    return _file(sink.getvalue(), planted, rows, {})


def _planted(
    rows: int, kinds: Mapping[str, Callable[[int], Any]], sound: Callable[[int], Any]
) -> tuple[list[Any], dict[int, str]]:
    """All rows, and the kind of those that have a fault."""
    names = list(kinds)
    planted = {
        row: names[place % len(names)]
        for place, row in enumerate(range(_FAULTY // 2, rows, _FAULTY))
    }
    made = [kinds[planted[row]](row) if row in planted else sound(row) for row in range(rows)]
    return made, planted


def _text_file(content: bytes, planted: dict[int, str], notices: Mapping[str, int]) -> FaultyFile:
    """The file with its last line cut off in its midst."""
    rows = content.count(b"\n") - content.startswith((_MARK + _COLUMNS[0]).encode())
    mixed = sum(kind == MIXED for kind in planted.values())
    content = content[: content.rindex(b"view")]
    planted = {**planted, rows - 1: "truncated_record"}
    return _file(content, planted, rows, {**notices, MIXED: mixed})


def _file(
    content: bytes, planted: Mapping[int, str], rows: int, notices: Mapping[str, int]
) -> FaultyFile:
    codes = {row: kind for row, kind in planted.items() if kind not in (DUPLICATE, MIXED)}
    duplicates = frozenset(row for row, kind in planted.items() if kind == DUPLICATE)
    return FaultyFile(content, rows, codes, duplicates, notices)


def _cells(row: int, **changes: Any) -> bytes:
    return (",".join(map(str, {**sound_event(row), **changes}.values())) + "\n").encode()


def _line(row: int, **changes: Any) -> bytes:
    return json.dumps({**sound_event(row), **changes}).encode() + b"\n"
