"""Reads whole files, and shows what came of each row."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.imports import Constant, DataType, FileFormat
from data_pipeline.domain.extracted import ExtractedEvents
from data_pipeline.domain.imports import Chunk
from data_pipeline.extract.files.opening import open_file

EVENT_HEADER = "event_id,user_id,item_id,event_type,timestamp,value"


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
