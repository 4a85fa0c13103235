"""Reads sound JSON events straight into columns, without an object for each.

Whatever is not sound, or only might be, is left to be read record by record.
"""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.json

from contracts.imports import DataType
from data_pipeline.domain.events import EVENT_SCHEMA
from data_pipeline.extract.conversions import finite, moments
from data_pipeline.extract.faults import MAX_ROW_BYTES
from data_pipeline.extract.json_columns import EXTRACTED_SCHEMA

FEW: Final = 8 * 1024
"""Up to so many bytes are read as fast record by record."""

_MOMENT: Final = EVENT_SCHEMA.get_field_index("timestamp")
_VALUE: Final = EVENT_SCHEMA.get_field_index("value")
_EVENTS: Final = EXTRACTED_SCHEMA.set(_MOMENT, pa.field("timestamp", pa.string()))
_ENVELOPE: Final = pa.schema([pa.field(DataType.EVENTS, pa.list_(pa.struct(list(_EVENTS))))])


def sound_events(rows: Sequence[bytes]) -> pa.RecordBatch | None:
    """The columns that `event_columns` makes of rows that all fit, None where one may not."""
    content = b"\n".join(rows)
    # Each row begins and ends as an object does. So none goes on in the next one: there would be a
    # comma between them, and a line feed is in no text of JSON.
    between = len(rows) - 1
    if content.count(b"\n") != between or content.count(b"}\n{") != between:
        return None
    if not rows or max(map(len, rows)) > MAX_ROW_BYTES:
        return None
    table = _table(content, _EVENTS)
    if table is None or len(table) != len(rows):
        return None
    return _sound([column.combine_chunks() for column in table.columns])


def sound_envelope(body: bytes) -> pa.RecordBatch | None:
    """The same of the records of an `EventBatch`."""
    table = _table(body, _ENVELOPE)
    if table is None or len(table) != 1 or table.column(0).null_count:
        return None
    events = table.column(0).combine_chunks().flatten()
    return None if events.null_count else _sound(events.flatten())


def _table(content: bytes, schema: pa.Schema) -> pa.Table | None:
    # Arrow passes over a mark at the start, and takes a zero for the end.
    if len(content) <= FEW or not content.startswith(b"{") or b"\0" in content:
        return None
    try:
        table = pyarrow.json.read_json(
            pa.BufferReader(content),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(content) + 1),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=schema, unexpected_field_behavior="error"
            ),
        )
        # It also takes texts for UTF-8 as they are.
        table.validate(full=True)
    except pa.ArrowInvalid:
        return None
    return table


def _sound(columns: list[pa.Array]) -> pa.RecordBatch | None:
    before = [column.null_count for column in columns]
    columns[_MOMENT] = moments(columns[_MOMENT])
    columns[_VALUE] = finite(columns[_VALUE])
    after = [column.null_count for column in columns]
    # A field that is null is another thing than one that is not there, where there must be one.
    lacking = any(
        nulls and not field.nullable for nulls, field in zip(after, EVENT_SCHEMA, strict=True)
    )
    if lacking or after != before:
        return None
    return pa.RecordBatch.from_arrays(columns, schema=EXTRACTED_SCHEMA)
