"""Which columns a Parquet file has, and of what types they may be."""

from collections.abc import Callable, Mapping
from typing import Final

import pyarrow as pa
from pyarrow import types

from contracts.imports import Constant
from data_pipeline.domain.imports import BrokenFile
from data_pipeline.extract.files.fields import (
    ATTRIBUTES,
    LOCATION,
    NO_MAPPING,
    Column,
    Kind,
    Layout,
    Table,
)

GROUPS: Final = frozenset({ATTRIBUTES, LOCATION})


def parquet_layout(
    schema: pa.Schema, table: Table, mapping: Mapping[str, str | Constant | None] = NO_MAPPING
) -> Layout:
    """The columns of a file in its order; a struct or a map stands as one of its group.

    Raises:
        BrokenFile: a column is unknown, missing, there twice or of another type.
    """
    if len(set(schema.names)) < len(schema.names):
        raise BrokenFile("a column is there twice")
    groups = [
        field
        for field in schema
        if field.name in GROUPS and field.name not in mapping and _is_group(field.type)
    ]
    # The parts of a group are checked like columns; those of a map are attributes by any name.
    parts = [part for group in groups for part in _parts(group)]
    fields = [field for field in schema if field not in groups] + parts
    names = [field.name for field in fields]
    layout = table.layout(names, mapping)
    columns = dict(zip(names, layout.columns, strict=True))
    for field in fields:
        column = columns[field.name]
        if column is not None:
            _check_type(column, field.type)
    whole = {group.name: Column(group.name, group.name, Kind.ANY) for group in groups}
    known = {**columns, **whole}
    return Layout([known[name] for name in schema.names], layout.constants)


def _parts(group: pa.Field) -> list[pa.Field]:
    if not types.is_struct(group.type):
        return []
    return [part.with_name(f"{group.name}.{part.name}") for part in group.type]


def _check_type(column: Column, type_: pa.DataType) -> None:
    value_type = type_.value_type if types.is_dictionary(type_) else type_
    if not any(fits(value_type) for fits in _FITTING[column.kind]):
        expected = _EXPECTED[column.kind]
        raise BrokenFile(f"the column {column.name} must be {expected}, not {type_}")


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
