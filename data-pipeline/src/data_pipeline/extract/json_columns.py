"""From JSON records to the columns of events."""

from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from data_pipeline.domain.events import EVENT_SCHEMA
from data_pipeline.extract.conversions import (
    MOMENT,
    absent,
    finite,
    moment_ms,
    moments,
    moments_of_seconds,
)

EXTRACTED_SCHEMA: Final = pa.schema([field.with_nullable(nullable=True) for field in EVENT_SCHEMA])
"""The columns of events before their check: all may be null."""

NO_ROWS: Final = np.empty(0, np.int64)

_NAMES: Final = frozenset(EVENT_SCHEMA.names)
_REQUIRED: Final = frozenset(field.name for field in EVENT_SCHEMA if not field.nullable)
_NO_FIELDS: Final[Mapping[str, Any]] = {}
_NONE: Final = type(None)


def event_columns(records: Sequence[Any]) -> tuple[pa.RecordBatch, npt.NDArray[np.int64]]:
    """The fields of JSON records as columns, and the rows that do not fit these, in order."""
    unfit: set[int] = set()
    if set(map(type, records)) - {dict}:
        unfit.update(row for row, record in enumerate(records) if type(record) is not dict)
        records = [record if type(record) is dict else _NO_FIELDS for record in records]
    if not set[str]().union(*records) <= _NAMES:
        unfit.update(row for row, record in enumerate(records) if not record.keys() <= _NAMES)
    columns = [_column(name, records, unfit) for name in EVENT_SCHEMA.names]
    batch = pa.RecordBatch.from_arrays(columns, schema=EXTRACTED_SCHEMA)
    return batch, np.array(sorted(unfit), np.int64)


def _column(name: str, records: Sequence[Mapping[str, Any]], unfit: set[int]) -> pa.Array:
    values = [record.get(name) for record in records]
    if name == "timestamp":
        column = _moments(values)
    elif name == "value":
        column = _numbers(values)
    else:
        column = _texts(values)
    if column.null_count:
        unfit.update(_faulty(name, values, column, records))
    return column


def _faulty(
    name: str, values: Sequence[Any], column: pa.Array, records: Sequence[Mapping[str, Any]]
) -> Sequence[int]:
    """The rows whose value was of another type, or null where there must be one."""
    nulls = compress(range(len(values)), absent(column))
    if name in _REQUIRED:
        return [row for row in nulls if name in records[row]]
    return [row for row in nulls if values[row] is not None]


def _texts(values: Sequence[Any]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowException, UnicodeError):
        return pa.array([value if _is_text(value) else None for value in values], pa.string())


def _is_text(value: Any) -> bool:
    if type(value) is not str:
        return False
    try:
        value.encode()
    except UnicodeError:
        return False
    return True


def _numbers(values: Sequence[Any]) -> pa.Array:
    if set(map(type, values)) <= {float, int, _NONE}:
        try:
            return finite(pa.array(values, pa.float64()))
        except (pa.ArrowException, OverflowError):
            pass
    return finite(pa.array([_number(value) for value in values], pa.float64()))


def _number(value: Any) -> float | None:
    try:
        return float(value) if type(value) in (float, int) else None
    except OverflowError:
        return None


def _moments(values: Sequence[Any]) -> pa.Array:
    types = set(map(type, values))
    if types <= {str, _NONE}:
        return moments(_texts(values))
    if types <= {int, _NONE}:
        try:
            found = moments_of_seconds(pa.array(values, pa.int64()))
        except (pa.ArrowException, OverflowError):
            found = None
        if found is not None:
            return found
    ms = [None if value is None else moment_ms(value) for value in values]
    return pa.array(ms, pa.int64()).cast(MOMENT)
