"""JSONL: a JSON object on each line."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from contracts.imports import Constant, DataType
from data_pipeline.domain.deliveries import Rejected
from data_pipeline.domain.imports import Chunk
from data_pipeline.extract.faults import INVALID_JSON, INVALID_UTF8, TRUNCATED, fault
from data_pipeline.extract.files import chunks
from data_pipeline.extract.files.fields import TABLES, Table
from data_pipeline.extract.files.forms import jsonl_form
from data_pipeline.extract.files.records import Records, cut_lines
from data_pipeline.extract.files.text_files import open_text
from data_pipeline.extract.json_rows import extract_json_rows

_CUT_SHORT: Final = frozenset({INVALID_JSON, INVALID_UTF8})


def read_jsonl(
    path: Path, data_type: DataType, mapping: Mapping[str, str | Constant | None], position: int
) -> Generator[Chunk]:
    """The chunks from a byte on; lines with nothing on them are no rows.

    `mapping` gives fields other names, leaves them out, or adds constants.

    Raises:
        BrokenFile: it maps to what is no field.
    """
    limits = chunks.limits(data_type)
    form = jsonl_form(mapping)
    change = changed_by(mapping, TABLES[data_type]) if mapping else None
    with open_text(path) as file:
        while (records := file.read(cut_lines, position, limits)) is not None:
            lines = _lines(records)
            rows = [line for line in lines if not line.isspace()]
            extracted = extract_json_rows(data_type, rows, change)
            if records.unended and extracted.faults and not lines[-1].isspace():
                faults = _told_apart(extracted.faults, rows[-1], len(rows) - 1)
                extracted = replace(extracted, faults=faults)
            yield file.chunk(records, extracted, form=form, first=position <= file.begin)
            position = records.position


def _lines(records: Records) -> list[bytes]:
    data = records.data
    places = zip(records.starts.tolist(), records.ends.tolist(), strict=True)
    return [data[start:end] for start, end in places]


def _told_apart(faults: Sequence[Rejected], row: bytes, index: int) -> Sequence[Rejected]:
    """The faults of the last rows of a file; that of the last `row` is its missing end."""
    last = faults[-1]
    if last.index != index or last.code not in _CUT_SHORT:
        return faults
    return [*faults[:-1], fault(index, TRUNCATED, row)]


def changed_by(mapping: Mapping[str, str | Constant | None], table: Table) -> Callable[[Any], Any]:
    """Gives the fields of a record our names. Raises `BrokenFile` where there is no such name."""
    named = {name: to for name, to in mapping.items() if not isinstance(to, Constant)}
    columns = {name: None if to is None else table.column(to) for name, to in named.items()}
    constants = {
        table.column(name): to.constant for name, to in mapping.items() if isinstance(to, Constant)
    }

    def change(record: Any) -> Any:
        if not isinstance(record, dict):
            return record
        changed = {name: value for name, value in record.items() if name not in columns}
        for name, column in columns.items():
            if column is not None and name in record:
                column.put(changed, record[name])
        for column, value in constants.items():
            column.put(changed, value)
        return changed

    return change
