"""Tables of events and items out of files: Parquet, CSV, else a JSON object a line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
from pyarrow.csv import ConvertOptions, read_csv
from pyarrow.json import read_json
from pyarrow.parquet import read_table

EVENT_TYPE: Final = "event"
"""The type of events of a file that names none; it weighs 1."""

EVENT_COLUMNS: Final[Mapping[str, pa.DataType]] = {
    "user_id": pa.string(),
    "item_id": pa.string(),
    "event_type": pa.string(),
    "timestamp": pa.timestamp("ms", tz="UTC"),
}
ITEM_COLUMNS: Final[Mapping[str, pa.DataType]] = {
    "item_id": pa.string(),
    "title": pa.string(),
    "categories": pa.list_(pa.string()),
    "year": pa.int64(),
}


class FileUnreadable(Exception):
    """The file is no table, or it lacks a column; the message says which."""


def read_events(path: Path) -> pa.Table:
    """The columns user_id and item_id, and event_type and timestamp where the file has them.

    Without timestamps all events are of one time. Raises `FileUnreadable`.
    """
    absent = {"event_type": EVENT_TYPE, "timestamp": 0}
    return _columns(path, EVENT_COLUMNS, absent)


def read_items(path: Path) -> pa.Table:
    """The column item_id, and title, categories and year where the file has them.

    Categories of a CSV file are separated by `|`. Raises `FileUnreadable`.
    """
    return _columns(path, ITEM_COLUMNS, dict.fromkeys(("title", "categories", "year")))


def no_items() -> pa.Table:
    """A catalogue of which nothing is known but what events name."""
    return pa.table({name: pa.array([], kind) for name, kind in ITEM_COLUMNS.items()})


def _columns(
    path: Path, columns: Mapping[str, pa.DataType], absent: Mapping[str, object]
) -> pa.Table:
    try:
        table = _read(path)
    except (OSError, pa.ArrowException) as error:
        raise FileUnreadable(f"{path} cannot be read: {error}") from None
    arrays: dict[str, pa.ChunkedArray | pa.Array] = {}
    for name, kind in columns.items():
        if name not in table.column_names:
            if name not in absent:
                raise FileUnreadable(f"{path} has no column {name}")
            arrays[name] = pa.array([absent[name]] * len(table), kind)
            continue
        try:
            arrays[name] = _cast(table[name], kind)
        except pa.ArrowException as error:
            raise FileUnreadable(f"{path}: {name} is not {kind}: {error}") from None
    return pa.table(arrays)


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_list(kind) and pa.types.is_string(column.type):
        texts = column.to_pylist()
        return pa.chunked_array([pa.array([text.split("|") if text else [] for text in texts])])
    if pa.types.is_timestamp(kind) and pa.types.is_integer(column.type):
        return column.cast(pa.timestamp("s", tz="UTC")).cast(kind)
    return column.cast(kind)


def _read(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        return read_table(path)
    if path.suffix == ".csv":
        # Ids are text, even where they look like numbers.
        as_text = {"user_id": pa.string(), "item_id": pa.string()}
        options = ConvertOptions(column_types=as_text)
        return read_csv(path, convert_options=options)
    return read_json(path)
