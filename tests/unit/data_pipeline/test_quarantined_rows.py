"""A row of a file reads the same by itself, later, as it did in its file."""

from pathlib import Path
from typing import Any

import pytest

from contracts.imports import Constant, DataType, FileFormat
from data_pipeline.domain.extracted import Extracted, ExtractedEvents
from data_pipeline.extract.files.opening import open_file
from data_pipeline.extract.quarantined import extract_quarantined

CSV = b'''uid,item_id,note,timestamp,value,event_id\r
u1,i1,x,2026-01-01T00:00:00Z,4.5,e1\r
u2,"i,2",,1767225600,,e2
"u ""3""",i3,y,never,much,e3
u4,i4
u5,"i5,z,2026-01-01T00:00:00Z,1,e5
\xff,i6,z,2026-01-01T00:00:00Z,1,e6
'''
MAPPING: dict[str, str | Constant | None] = {
    "uid": "user_id",
    "note": None,
    "event_type": Constant(constant="view"),
}
LINES = b"""{"uid": "u1", "item_id": "i1", "event_id": "e1", "timestamp": 1767225600, "note": 1}
{"uid": 7, "item_id": "i2"}
{"uid": "u3",
"""
USERS = b"""user_id,attributes.age,attributes.plan
u1,34,family
u2,,
u3
"""


def contents(extracted: Extracted) -> Any:
    faults = [(one.index, one.code, one.raw) for one in extracted.faults]
    if isinstance(extracted, ExtractedEvents):
        return faults, extracted.events.to_pylist(), extracted.unfit.tolist()
    return faults, list(extracted.records), list(extracted.indexes)


@pytest.mark.parametrize(
    ("content", "file_format", "data_type", "mapping"),
    [
        (CSV, FileFormat.CSV, DataType.EVENTS, MAPPING),
        (USERS, FileFormat.CSV, DataType.USERS, {}),
        (LINES, FileFormat.JSONL, DataType.EVENTS, MAPPING),
        (LINES, FileFormat.JSONL, DataType.ITEMS, {}),
    ],
    ids=["csv-events", "csv-users", "jsonl-mapped", "jsonl"],
)
def test_rows_read_as_in_their_file(
    tmp_path: Path,
    content: bytes,
    file_format: FileFormat,
    data_type: DataType,
    mapping: dict[str, str | Constant | None],
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    chunk = open_file(path, data_type, file_format, 0, mapping).read()
    assert chunk is not None
    rows = [chunk.extracted.raw(row) for row in range(chunk.rows)]
    again = extract_quarantined(data_type, rows, chunk.form)
    assert contents(again) == contents(chunk.extracted)
    assert [again.raw(row) for row in range(chunk.rows)] == rows
