"""Parquet: columns as in CSV, or `attributes` and `location` as structs."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from data_pipeline.domain.imports import BrokenFile
from data_pipeline.extract.files.chunks import CHUNK_BYTES, CHUNK_ROWS, Row
from data_pipeline.extract.files.fields import ATTRIBUTES, LOCATION, Column, Kind, Table

MAX_ROW_GROUP_BYTES: Final = 1024**3
READ_BUFFER: Final = 1024 * 1024


def parquet_rows(path: Path) -> int:
    """The number of rows. Raises `BrokenFile`."""
    with _opened(path) as file:
        return file.metadata.num_rows


def read_parquet(path: Path, table: Table, position: int) -> Generator[Row]:
    """The rows after the first `position`.

    Raises:
        BrokenFile: the file is not Parquet, or its columns are not those of `table`.
    """
    with _opened(path) as file:
        columns = _columns(file.schema_arrow, table)
        groups, skip = _groups_after(file.metadata, position)
        if not groups:
            return
        size, per_batch = _row_size(file.metadata)
        batches = (
            batch
            for group in groups
            for batch in file.iter_batches(per_batch, row_groups=[group], use_threads=False)
        )
        for batch in batches:
            rows = batch.slice(min(skip, batch.num_rows))
            skip -= batch.num_rows - rows.num_rows
            for record in _records(columns, rows):
                position += 1
                yield Row(record, size, position)


@contextmanager
def _opened(path: Path) -> Generator[pq.ParquetFile]:
    try:
        # Through a buffer, a column of a row group is never in memory as a whole.
        with pq.ParquetFile(path, buffer_size=READ_BUFFER, pre_buffer=False) as file:
            yield file
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        reason = str(error).partition("\n")[0][:200]
        raise BrokenFile(f"the file cannot be read as Parquet: {reason}") from None


def _columns(schema: pa.Schema, table: Table) -> Sequence[Column]:
    """The columns of the file in its order; a struct or a map stands as one of its group."""
    groups = {
        field.name: field.type
        for field in schema
        if field.name in {ATTRIBUTES, LOCATION} and _is_group(field.type)
    }
    # The parts of a group are checked like columns; those of a map are attributes by any name.
    parts = [
        f"{name}.{part.name}"
        for name, type_ in groups.items()
        for part in (type_ if types.is_struct(type_) else ())
    ]
    known = {c.name: c for c in table.columns([*(set(schema.names) - set(groups)), *parts])}
    if len(set(schema.names)) < len(schema.names):
        raise BrokenFile("a column is there twice")
    for field in schema:
        if field.name in known:
            _check_type(known[field.name], field.type)
    return [known.get(name) or Column(name, name, Kind.ANY) for name in schema.names]


def _check_type(column: Column, type_: pa.DataType) -> None:
    value_type = type_.value_type if types.is_dictionary(type_) else type_
    if not any(fits(value_type) for fits in _FITTING[column.kind]):
        expected = _EXPECTED[column.kind]
        raise BrokenFile(f"the column {column.name} must be {expected}, not {type_}")


def _groups_after(metadata: pq.FileMetaData, position: int) -> tuple[list[int], int]:
    """The row groups from the row at `position` on, and the rows to leave out of the first."""
    first, skip = 0, position
    while first < metadata.num_row_groups and metadata.row_group(first).num_rows <= skip:
        skip -= metadata.row_group(first).num_rows
        first += 1
    return list(range(first, metadata.num_row_groups)), skip


def _row_size(metadata: pq.FileMetaData) -> tuple[int, int]:
    """Bytes of a row on average in the widest row group, and how many rows to read at once."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    if any(group.total_byte_size > MAX_ROW_GROUP_BYTES for group in groups):
        raise BrokenFile(f"a row group is larger than {MAX_ROW_GROUP_BYTES} bytes: make it smaller")
    size = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    return size, max(1, min(CHUNK_ROWS, CHUNK_BYTES // max(size, 1)))


def _records(columns: Sequence[Column], batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    values = [_values(column, array) for column, array in zip(columns, batch.columns, strict=True)]
    for row in zip(*values, strict=True):
        record: dict[str, Any] = {}
        for column, value in zip(columns, row, strict=True):
            if value is None:
                continue
            target = record if column.group is None else record.setdefault(column.group, {})
            target[column.field] = value
        yield record


def _values(column: Column, array: pa.Array) -> Sequence[Any]:
    if types.is_timestamp(array.type):
        # Python's own datetime ends at microseconds.
        array = array.cast(pa.timestamp("us", array.type.tz), safe=False)
    values = array.to_pylist()
    if column.name in {ATTRIBUTES, LOCATION}:
        return [_present(value) for value in values]
    if column.kind is Kind.NUMBER and types.is_integer(array.type):
        return [None if value is None else float(value) for value in values]
    return values


def _present(group: Any) -> dict[str, Any] | None:
    # A map comes as a list of pairs.
    return None if group is None else {k: v for k, v in dict(group).items() if v is not None}


def _is_group(type_: pa.DataType) -> bool:
    return types.is_struct(type_) or types.is_map(type_)


def _is_text(type_: pa.DataType) -> bool:
    return types.is_string(type_) or types.is_large_string(type_) or types.is_string_view(type_)


def _is_moment(type_: pa.DataType) -> bool:
    return types.is_timestamp(type_) and type_.tz is not None


def _is_number(type_: pa.DataType) -> bool:
    return types.is_integer(type_) or types.is_floating(type_)


def _is_texts(type_: pa.DataType) -> bool:
    return (types.is_list(type_) or types.is_large_list(type_)) and _is_text(type_.value_type)


_FITTING: Final[dict[Kind, tuple[Callable[[pa.DataType], bool], ...]]] = {
    Kind.TEXT: (_is_text, types.is_null),
    Kind.MOMENT: (_is_moment, _is_number, _is_text),
    Kind.NUMBER: (_is_number, types.is_null),
    Kind.WHOLE: (types.is_integer, types.is_null),
    Kind.TRUTH: (types.is_boolean, types.is_null),
    Kind.TEXTS: (_is_texts, types.is_null),
    Kind.ANY: (_is_text, _is_number, types.is_boolean, _is_texts, types.is_null),
}
_EXPECTED: Final = {
    Kind.TEXT: "a column of strings",
    Kind.MOMENT: "a timestamp with a time zone, Unix seconds as a number, or RFC 3339 as a string",
    Kind.NUMBER: "a column of numbers",
    Kind.WHOLE: "a column of whole numbers",
    Kind.TRUTH: "a column of truth values",
    Kind.TEXTS: "a list of strings",
    Kind.ANY: "of strings, numbers, truth values or lists of strings",
}
