"""Reads rows that are all sound JSON events straight into columns, without an object for each."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.json

from data_pipeline.domain.events import EVENT_SCHEMA
from data_pipeline.extract.conversions import finite, moments
from data_pipeline.extract.faults import MAX_ROW_BYTES
from data_pipeline.extract.json_columns import EXTRACTED_SCHEMA

FEW: Final = 64
"""Up to so many rows are read as fast one by one."""

_MOMENT: Final = EVENT_SCHEMA.get_field_index("timestamp")
_VALUE: Final = EVENT_SCHEMA.get_field_index("value")
_TEXT: Final = pa.field("timestamp", pa.string())
_OPTIONS: Final = pyarrow.json.ParseOptions(
    explicit_schema=EXTRACTED_SCHEMA.set(_MOMENT, _TEXT),
    unexpected_field_behavior="error",
)


def sound_events(rows: Sequence[bytes]) -> pa.RecordBatch | None:
    """The columns that `event_columns` makes of rows that are all fit.

    None where one is not, as far as Arrow can tell, and where rows are few: that is to be looked at
    row by row.
    """
    if len(rows) <= FEW or max(map(len, rows)) > MAX_ROW_BYTES:
        return None
    content = b"\n".join(rows)
    # Each row begins and ends as an object does. So none goes on in the next one: there would be a
    # comma between them, and a line feed is in no text of JSON.
    between = len(rows) - 1
    if not content.startswith(b"{") or not (
        content.count(b"\n") == content.count(b"}\n{") == between
    ):
        return None
    try:
        table = pyarrow.json.read_json(
            pa.BufferReader(content),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(content) + 1),
            parse_options=_OPTIONS,
        )
        # Arrow takes texts for UTF-8 as they are.
        table.validate(full=True)
    except pa.ArrowInvalid:
        return None
    if len(table) != len(rows):
        return None
    columns = [column.combine_chunks() for column in table.columns]
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
