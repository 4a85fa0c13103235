"""Rows that are a JSON record each: lines of a body or a file, messages of a topic."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa

from contracts.imports import DataType
from data_pipeline.domain.deliveries import Rejected
from data_pipeline.domain.extracted import Extracted, ExtractedEvents, ExtractedRecords
from data_pipeline.extract.faults import (
    BOM,
    BYTE_ORDER_MARK,
    INVALID_JSON,
    INVALID_UTF8,
    MAX_ROW_BYTES,
    ROW_TOO_LONG,
    fault,
)
from data_pipeline.extract.json_columns import NO_ROWS, event_columns
from data_pipeline.extract.sound_json import sound_events

_PART: Final = 16_384
"""Rows that are Python objects at a time."""

_NOTHING: Final[Mapping[str, Any]] = {}


def extract_json_rows(
    data_type: DataType,
    rows: Sequence[bytes],
    change: Callable[[Any], Any] | None = None,
) -> Extracted:
    """What rows of JSON hold; a row that is no JSON is a fault of that row alone.

    `change` makes the record that is meant out of each record as it came.
    """
    faults: list[Rejected] = []
    if data_type is not DataType.EVENTS:
        records = _records(rows, 0, faults, change)
        faulty = {one.index for one in faults}
        indexes = [row for row in range(len(rows)) if row not in faulty]
        sound = [records[row] for row in indexes]
        return ExtractedRecords(len(rows), sound, indexes, faults, rows.__getitem__)
    batches: list[pa.RecordBatch] = []
    unfit: list[Any] = []
    for start in range(0, max(len(rows), 1), _PART):
        part = rows[start : start + _PART]
        batch, rows_unfit = sound_events(part) if change is None else None, NO_ROWS
        if batch is None:
            batch, rows_unfit = event_columns(_records(part, start, faults, change))
        batches.append(batch)
        unfit.append(rows_unfit + start)

    def record(row: int) -> Any:
        content = parse(rows[row])
        return content if change is None else change(content)

    return ExtractedEvents(
        rows=len(rows),
        events=pa.concat_batches(batches),
        unfit=np.concatenate(unfit),
        faults=faults,
        record=record,
        raw=rows.__getitem__,
    )


def parse(row: bytes) -> Any:
    """The JSON of a row. Raises `ValueError` with the reason where it is none."""
    try:
        return orjson.loads(row)
    except orjson.JSONDecodeError:
        return parse_lenient(row)


def parse_lenient(row: bytes) -> Any:
    """JSON with half a surrogate pair or a number too large in it, which orjson refuses.

    Read otherwise, the fields of the record say better what is wrong. Raises `ValueError`.
    """
    try:
        return json.loads(row.decode(), parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _records(
    rows: Sequence[bytes],
    start: int,
    faults: list[Rejected],
    change: Callable[[Any], Any] | None,
) -> Sequence[Any]:
    """The records of rows, an empty one for each fault, which has an index from `start` on."""
    records = _together(rows)
    if records is None:
        records = []
        for row, content in enumerate(rows, start):
            found = _record(row, content)
            if isinstance(found, Rejected):
                faults.append(found)
            records.append(_NOTHING if isinstance(found, Rejected) else found)
    return records if change is None else [change(record) for record in records]


def _together(rows: Sequence[bytes]) -> list[Any] | None:
    """All rows by one call, None where one of them is no JSON.

    Between each two stands a text that nobody can know, so rows that are no JSON by themselves,
    such as `{"a":1` and `"b":2}`, cannot pass for others.
    """
    if not rows:
        return []
    if max(map(len, rows)) > MAX_ROW_BYTES:
        return None
    between = secrets.token_hex(8)
    try:
        found = orjson.loads(b"[" + f',"{between}",'.encode().join(rows) + b"]")
    except orjson.JSONDecodeError:
        return None
    if len(found) != 2 * len(rows) - 1 or found[1::2].count(between) != len(rows) - 1:
        return None
    return found[::2]


def _record(row: int, content: bytes) -> Any:
    if len(content) > MAX_ROW_BYTES:
        return fault(row, ROW_TOO_LONG, content)
    if content.startswith(BOM):
        return fault(row, BYTE_ORDER_MARK, content)
    try:
        return parse(content)
    except UnicodeDecodeError:
        return fault(row, INVALID_UTF8, content)
    except ValueError as error:
        return fault(row, INVALID_JSON, content, f"The row is not JSON: {error}.")
