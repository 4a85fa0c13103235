"""Reads whole files, and shows what came of each row."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.imports import Constant, DataType, FileFormat
from data_pipeline.domain.extracted import ExtractedEvents
from data_pipeline.domain.imports import BrokenFile, Chunk
from data_pipeline.extract.files.opening import open_file

EVENT_HEADER = "event_id,user_id,item_id,event_type,timestamp,value"
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


def read(
    path: Path,
    file_format: FileFormat,
    data_type: DataType = DataType.ITEMS,
    position: int = 0,
    mapping: Mapping[str, str | Constant | None] | None = None,
) -> list[Chunk]:
    """The chunks of a file from a position on."""
    reader = open_file(path, data_type, file_format, position, mapping or {})
    found: list[Chunk] = []
    while (chunk := reader.read()) is not None:
        found.append(chunk)
    reader.close()
    return found


def records(found: Iterable[Chunk]) -> list[Any]:
    """The records of items or users."""
    return [record for chunk in found for record in chunk.extracted.records]


def faults(found: Iterable[Chunk]) -> list[tuple[int, str]]:
    """The rows of a file that hold nothing, with their codes."""
    listed, before = [], 0
    for chunk in found:
        listed += [(before + one.index, one.code) for one in chunk.extracted.faults]
        before += chunk.rows
    return listed


def unfit(found: Iterable[Chunk]) -> list[int]:
    """The rows of a file whose fields are of other types."""
    listed, before = [], 0
    for chunk in found:
        listed += (chunk.extracted.unfit + before).tolist()
        before += chunk.rows
    return listed


def raws(found: Iterable[Chunk]) -> list[bytes]:
    """The bytes of all rows."""
    return [chunk.extracted.raw(row) for chunk in found for row in range(chunk.rows)]


def events(found: Iterable[Chunk]) -> list[dict[str, Any] | None]:
    """The events of a file without what is null, times as milliseconds; None for a fault."""
    listed: list[dict[str, Any] | None] = []
    for chunk in found:
        extracted = chunk.extracted
        assert isinstance(extracted, ExtractedEvents)
        assert extracted.rows == extracted.events.num_rows == chunk.rows
        faulty = {one.index for one in extracted.faults}
        columns = extracted.events.to_pydict() | {
            "timestamp": extracted.events.column("timestamp").cast("int64").to_pylist()
        }
        listed += [
            None
            if row in faulty
            else {name: c[row] for name, c in columns.items() if c[row] is not None}
            for row in range(chunk.rows)
        ]
    return listed


def same_rows(found: Sequence[Chunk]) -> list[Any]:
    """All that a reader says of the rows of a file, wherever its chunks end."""
    if found and isinstance(found[0].extracted, ExtractedEvents):
        return [events(found), unfit(found), faults(found), raws(found)]
    return [records(found), faults(found), raws(found)]


def broken(path: Path, file_format: FileFormat, data_type: DataType, **options: Any) -> str:
    """What is said of a file that cannot be read."""
    with pytest.raises(BrokenFile) as caught:
        read(path, file_format, data_type, **options)
    return str(caught.value)


def to_parquet(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    """Write columns as a Parquet file; its path."""
    pq.write_table(pa.table(columns), path, **options)
    return path
