"""CSV (RFC 4180): commas, double quotes, a first row with the names of the columns.

An empty cell says nothing of its field. Categories are separated by `|`. A cell of an attribute
that reads as a JSON number, `true` or `false` is one; any other is text.
"""

import csv
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from data_pipeline.domain.imports import BrokenFile
from data_pipeline.extract.files.chunks import BLANK, Fault, Row
from data_pipeline.extract.files.fields import Column, Kind, Table
from data_pipeline.extract.files.lines import MAX_LINE, Lines, decoded, open_lines

LIST_SEPARATOR: Final = "|"

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)
_TRUTHS: Final = {"true": True, "false": False}


def read_csv(path: Path, table: Table, position: int) -> Generator[Row]:
    """The rows after a byte, or all of them from byte 0; empty lines are none.

    Raises:
        BrokenFile: the file is not UTF-8 or not CSV, or has other columns than `table`.
    """
    with open_lines(path) as head:
        names = next(_cells(head), None)
        if not names:
            raise BrokenFile("the file has no header: its first row must name the columns")
        columns = table.columns([name.strip() for name in names])
        start = head.position
    with open_lines(path, max(position, start)) as lines:
        before = lines.position
        for cells in _cells(lines):
            yield Row(_record(columns, cells), lines.position - before, lines.position)
            before = lines.position


def _cells(lines: Lines) -> Iterator[Sequence[str]]:
    """The rows. The reader takes from the lines just those of the row that it gives."""
    try:
        yield from csv.reader(_texts(lines), strict=True)
    except csv.Error as error:
        raise BrokenFile(
            f"the file is not CSV before byte {lines.position}: {error}; is a quote left open?"
        ) from None


def _texts(lines: Lines) -> Iterator[str]:
    while line := lines.next():
        if len(line) > MAX_LINE:
            raise BrokenFile(
                f"the line before byte {lines.position} has more than {MAX_LINE} bytes"
            )
        yield decoded(line, lines.position)


def _record(columns: Sequence[Column], cells: Sequence[str]) -> Any:
    if not cells:
        return BLANK
    if len(cells) != len(columns):
        reason = f"The row has {len(cells)} cells where the header names {len(columns)} columns."
        return Fault("wrong_number_of_cells", reason)
    record: dict[str, Any] = {}
    for column, cell in zip(columns, cells, strict=True):
        if not cell:
            continue
        target = record if column.group is None else record.setdefault(column.group, {})
        target[column.field] = _VALUES[column.kind](cell)
    return record


def _any(cell: str) -> Any:
    if _WHOLE.fullmatch(cell):
        return int(cell)
    return _TRUTHS.get(cell, _number(cell))


def _number(cell: str) -> float | str:
    return float(cell) if _NUMBER.fullmatch(cell) else cell


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
