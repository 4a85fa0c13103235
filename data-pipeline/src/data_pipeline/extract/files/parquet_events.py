"""Events out of Parquet, a column at a time."""

from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa
from pyarrow import types

from data_pipeline.domain.events import EVENT_SCHEMA
from data_pipeline.domain.extracted import ExtractedEvents
from data_pipeline.extract.conversions import (
    MOMENT,
    absent,
    finite,
    moment_ms,
    moments,
    moments_of_seconds,
    numbers,
    unfit_rows,
)
from data_pipeline.extract.files.parquet_rows import ParquetRows
from data_pipeline.extract.json_columns import EXTRACTED_SCHEMA

_PER_MILLISECOND: Final = {"us": 1_000, "ns": 1_000_000}
_MAX_MS: Final = 253_402_300_799_999
"""The end of the year 9999."""


def extract_parquet_events(rows: ParquetRows) -> ExtractedEvents:
    """The events of rows; the columns of a row that is not UTF-8, which is a fault, are null."""
    try:
        return _extracted(rows)
    except pa.ArrowInvalid:
        faults = rows.faults()
        if not faults:
            raise
    places = np.arange(rows.batch.num_rows)
    faulty = np.isin(places, [one.index for one in faults])
    sound = ParquetRows(rows.layout, rows.batch.take(pa.array(places, mask=faulty)))
    return replace(_extracted(sound), faults=faults, raw=rows.raw)


def _extracted(rows: ParquetRows) -> ExtractedEvents:
    batch = rows.batch
    given = {
        column.name: array
        for column, array in zip(rows.layout.columns, batch.columns, strict=True)
        if column is not None
    }
    for column, value in rows.layout.constants.items():
        given[column.name] = pa.repeat(str(value), batch.num_rows)
    nothing = pa.nulls(batch.num_rows)
    columns = [
        _CONVERSIONS.get(name, _texts)(given.get(name, nothing)) for name in EVENT_SCHEMA.names
    ]
    events = pa.RecordBatch.from_arrays(columns, schema=EXTRACTED_SCHEMA)
    unfit = [unfit_rows(array, events.column(name)) for name, array in given.items()]
    return ExtractedEvents(
        rows=batch.num_rows,
        events=events,
        unfit=np.unique(np.concatenate(unfit)),
        faults=(),
        record=rows.record,
        raw=rows.raw,
    )


def _texts(values: pa.Array) -> pa.Array:
    if types.is_dictionary(values.type):
        values = values.dictionary_decode()
    # Only on the way from bytes does Arrow look whether they are UTF-8.
    return values.cast(pa.binary()).cast(pa.string())


def _numbers(values: pa.Array) -> pa.Array:
    if types.is_string(values.type):
        return numbers(values)
    return finite(values.cast(pa.float64(), safe=False))


def _moments(values: pa.Array) -> pa.Array:
    if types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if types.is_timestamp(values.type):
        return _cut(values)
    if not (types.is_integer(values.type) or types.is_floating(values.type)):
        return moments(_texts(values))
    try:
        found = moments_of_seconds(values.cast(pa.int64()))
    except pa.ArrowInvalid:
        found = None
    if found is not None:
        return found
    ms = [None if value is None else moment_ms(value) for value in values.to_pylist()]
    return pa.array(ms, pa.int64()).cast(MOMENT)


def _cut(moments: pa.TimestampArray) -> pa.Array:
    """Times to milliseconds, null where they are beyond the years that have four digits."""
    unit = moments.type.unit
    units = moments.cast(pa.int64()).fill_null(0).to_numpy()
    if unit == "s":
        ms = np.clip(units, -_MAX_MS, _MAX_MS) * 1000
    else:
        ms = units // _PER_MILLISECOND.get(unit, 1)
    return pa.array(ms, mask=absent(moments) | (np.abs(ms) > _MAX_MS)).cast(MOMENT)


_CONVERSIONS: Final = {"timestamp": _moments, "value": _numbers}
