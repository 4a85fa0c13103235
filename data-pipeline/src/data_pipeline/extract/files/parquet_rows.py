"""Rows of Parquet as records, one by one."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
from pyarrow import types

from data_pipeline.domain.deliveries import Rejected
from data_pipeline.domain.extracted import ExtractedRecords
from data_pipeline.extract.faults import INVALID_UTF8, fault
from data_pipeline.extract.files.fields import Column, Kind, Layout
from data_pipeline.extract.files.parquet_columns import GROUPS


@dataclass(frozen=True, slots=True)
class ParquetRows:
    """Rows that were read together, in the columns of the file."""

    layout: Layout
    batch: pa.RecordBatch

    def record(self, row: int) -> dict[str, Any]:
        """The record of a row. Raises `UnicodeDecodeError` where a text is not UTF-8."""
        return next(self._records(self.batch.slice(row, 1)))

    def raw(self, row: int) -> bytes:
        """A row as JSON, for it has no bytes of its own."""
        try:
            record = self.record(row)
        except UnicodeDecodeError as error:
            return error.object
        return json.dumps(record, default=_shown, ensure_ascii=False).encode()

    def records(self) -> ExtractedRecords:
        """The records of all rows; one that is not UTF-8 is a fault."""
        rows = self.batch.num_rows
        try:
            records = list(self._records(self.batch))
        except UnicodeDecodeError:
            faults = self.faults()
            faulty = {one.index for one in faults}
            indexes = [row for row in range(rows) if row not in faulty]
            sound = [self.record(row) for row in indexes]
            return ExtractedRecords(rows, sound, indexes, faults, self.raw)
        return ExtractedRecords(rows, records, range(rows), (), self.raw)

    def faults(self) -> list[Rejected]:
        """The rows with a text that is not UTF-8, which Parquet does not rule out."""
        found: list[Rejected] = []
        for row in range(self.batch.num_rows):
            try:
                self.record(row)
            except UnicodeDecodeError as error:
                found.append(fault(row, INVALID_UTF8, error.object))
        return found

    def _records(self, batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
        used = [
            (column, _values(column, array))
            for column, array in zip(self.layout.columns, batch.columns, strict=True)
            if column is not None
        ]
        for row in range(batch.num_rows):
            record = self.layout.constant_fields()
            for column, values in used:
                if values[row] is not None:
                    column.put(record, values[row])
            yield record


def _values(column: Column, array: pa.Array) -> list[Any]:
    if types.is_timestamp(array.type):
        # Python's own datetime ends at microseconds.
        array = array.cast(pa.timestamp("us", "UTC"), safe=False)
        return [_moment(value) for value in array]
    values = array.to_pylist()
    if column.name in GROUPS:
        return [_present(value) for value in values]
    if column.kind is Kind.NUMBER and types.is_integer(array.type):
        return [None if value is None else float(value) for value in values]
    return values


def _moment(value: pa.TimestampScalar) -> datetime | str | None:
    try:
        return value.as_py()
    except (ValueError, OverflowError):
        return f"{value.value} microseconds"


def _present(group: Any) -> dict[str, Any] | None:
    # A map comes as a list of pairs.
    return None if group is None else {k: v for k, v in dict(group).items() if v is not None}


def _shown(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
