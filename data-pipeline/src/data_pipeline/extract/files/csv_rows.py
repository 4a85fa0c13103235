"""Rows of CSV (RFC 4180): commas, double quotes, a first row with the names of the columns.

An empty cell says nothing of its field. Categories are separated by `|`. A cell of an attribute
that reads as a JSON number, `true` or `false` is one; any other is text.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from contracts.imports import Constant
from data_pipeline.domain.deliveries import Rejected
from data_pipeline.domain.extracted import ExtractedRecords
from data_pipeline.domain.imports import BrokenFile
from data_pipeline.extract.conversions import NUMBER_TEXT
from data_pipeline.extract.faults import TRUNCATED, fault, wrong_cells
from data_pipeline.extract.files.chunks import Limits
from data_pipeline.extract.files.csv_cuts import CsvCutter, cells_of
from data_pipeline.extract.files.fields import Kind, Layout, Table
from data_pipeline.extract.files.records import Records, text_faults
from data_pipeline.extract.files.text_files import TextFile

LIST_SEPARATOR: Final = "|"

_HEADER: Final = Limits(1, 64 * 1024)
_JSON_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)
_TRUTHS: Final = {"true": True, "false": False}


def read_layout(
    file: TextFile, table: Table, mapping: Mapping[str, str | Constant | None]
) -> tuple[Layout, int]:
    """What the first row says of the columns, and where the rows after it begin.

    Raises:
        BrokenFile: there is no such row, or it names other columns than `table` and `mapping`.
    """
    position = 0
    while (header := file.read(CsvCutter(), position, _HEADER)) is not None and not len(header):
        position = header.position
    if header is None:
        raise BrokenFile("the file has no header: its first row must name the columns")
    if text_faults(header):
        raise BrokenFile(
            "the first row is no header: it must name the columns, in UTF-8, its quotes closed"
        )
    names = [name.strip() for name in cells_of(header.raw(0))]
    return table.layout(names, mapping), header.position


def extract_csv_rows(layout: Layout, records: Records) -> ExtractedRecords:
    """The records of rows, one by one."""
    codes = text_faults(records)
    found: list[Any] = []
    indexes: list[int] = []
    faults: list[Rejected] = []
    for row in range(len(records)):
        raw = records.raw(row)
        outcome = fault(row, codes[row], raw) if row in codes else _extracted(layout, row, raw)
        if not isinstance(outcome, Rejected):
            found.append(outcome)
            indexes.append(row)
        elif records.unended and row == len(records) - 1:
            faults.append(fault(row, TRUNCATED, raw))
        else:
            faults.append(outcome)
    return ExtractedRecords(len(records), found, indexes, faults, records.raw)


def _extracted(layout: Layout, row: int, raw: bytes) -> dict[str, Any] | Rejected:
    cells = cells_of(raw)
    if len(cells) != len(layout.columns):
        return wrong_cells(row, len(cells), len(layout.columns), raw)
    return record_of(layout, cells)


def record_of(layout: Layout, cells: Sequence[str]) -> dict[str, Any]:
    """The record of a row by its cells."""
    record = layout.constant_fields()
    for column, cell in zip(layout.columns, cells, strict=True):
        if cell and column is not None:
            column.put(record, _VALUES[column.kind](cell))
    return record


def _any(cell: str) -> Any:
    if _WHOLE.fullmatch(cell):
        return int(cell)
    return _TRUTHS.get(cell, float(cell) if _JSON_NUMBER.fullmatch(cell) else cell)


def _number(cell: str) -> float | str:
    return float(cell) if NUMBER_TEXT.fullmatch(cell) else cell


def _whole(cell: str) -> int | str:
    return int(cell) if _WHOLE.fullmatch(cell) else cell


# What is not of the kind stays as it is, for the check of the record to say what it should be.
_VALUES: Final[dict[Kind, Callable[[str], Any]]] = {
    Kind.TEXT: str,
    Kind.MOMENT: str,
    Kind.NUMBER: _number,
    Kind.WHOLE: _whole,
    Kind.TRUTH: lambda cell: _TRUTHS.get(cell.lower(), cell),
    Kind.TEXTS: lambda cell: [part.strip() for part in cell.split(LIST_SEPARATOR)],
    Kind.ANY: _any,
}
