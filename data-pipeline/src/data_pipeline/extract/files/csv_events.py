"""Events out of CSV, a column at a time."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from data_pipeline.domain.events import EVENT_SCHEMA
from data_pipeline.domain.extracted import ExtractedEvents
from data_pipeline.extract.conversions import moments, numbers, unfit_rows
from data_pipeline.extract.faults import TRUNCATED, fault, wrong_cells
from data_pipeline.extract.files.csv_cuts import cells_of
from data_pipeline.extract.files.csv_rows import record_of
from data_pipeline.extract.files.fields import Layout
from data_pipeline.extract.files.records import Records, text_faults
from data_pipeline.extract.json_columns import EXTRACTED_SCHEMA

_CR: Final = ord("\r")

Rows = npt.NDArray[np.int64]


def extract_csv_events(layout: Layout, records: Records) -> ExtractedEvents:
    """The events of rows, the columns of a faulty one null."""
    codes = text_faults(records)
    faults = {row: fault(row, code, records.raw(row)) for row, code in codes.items()}
    sound = np.delete(np.arange(len(records)), list(codes))
    table, wrong = _parsed(layout, records, sound)
    for place, cells in wrong:
        row = int(sound[place])
        faults[row] = wrong_cells(row, cells, len(layout.columns), records.raw(row))
    parsed = np.delete(sound, [place for place, _ in wrong])
    if len(parsed) != table.num_rows:
        raise RuntimeError(f"{len(parsed)} rows of CSV were read as {table.num_rows}")
    batch, unfit = _typed(layout, table)
    if len(parsed) < len(records):
        batch = batch.take(_places(parsed, len(records)))
    unfit = parsed[unfit]
    last = len(records) - 1
    if records.unended and (last in faults or (unfit.size and unfit[-1] == last)):
        faults[last] = fault(last, TRUNCATED, records.raw(last))
        unfit = unfit[unfit != last]

    def record(row: int) -> Any:
        return record_of(layout, cells_of(records.raw(row)))

    ordered = [one for _, one in sorted(faults.items(), key=itemgetter(0))]
    return ExtractedEvents(len(records), batch, unfit, ordered, record, records.raw)


def _parsed(
    layout: Layout, records: Records, sound: Rows
) -> tuple[pa.Table, Sequence[tuple[int, int]]]:
    """The cells of the sound rows as texts, an empty one null, without those of other rows.

    These are the rows whose number of cells, which stands beside their place, is wrong.
    """
    names = [str(n) if c is None else c.name for n, c in enumerate(layout.columns)]
    used = [column.name for column in layout.columns if column is not None]
    if not sound.size:
        return pa.table({name: pa.array([], pa.string()) for name in used}), ()
    wrong: list[tuple[int, int]] = []

    def leave_out(row: csv.InvalidRow) -> str:
        wrong.append((row.number - 1, row.actual_columns))
        return "skip"

    content = _content(records, sound)
    table = csv.read_csv(
        pa.BufferReader(content),
        csv.ReadOptions(use_threads=False, block_size=content.size + 1, column_names=names),
        csv.ParseOptions(newlines_in_values=b'"' in records.data, invalid_row_handler=leave_out),
        csv.ConvertOptions(
            check_utf8=False,
            column_types=dict.fromkeys(used, pa.string()),
            include_columns=used,
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            null_values=[""],
        ),
    )
    return table, wrong


def _content(records: Records, sound: Rows) -> pa.Buffer:
    """The bytes of the sound rows alone."""
    starts, ends = records.starts[sound], records.ends[sound]
    content = np.frombuffer(records.data, np.uint8)
    line_ends = 1 + (content[np.minimum(ends[:-1], len(content) - 1)] == _CR)
    breaks = np.flatnonzero((np.diff(sound) > 1) | (starts[1:] - ends[:-1] != line_ends))
    if not breaks.size:
        start = int(starts[0])
        return pa.py_buffer(records.data).slice(start, int(ends[-1]) - start)
    firsts = starts[np.concatenate(([0], breaks + 1))].tolist()
    lasts = ends[np.append(breaks, -1)].tolist()
    view = memoryview(records.data)
    return pa.py_buffer(b"\n".join([view[a:b] for a, b in zip(firsts, lasts, strict=True)]))


def _typed(layout: Layout, table: pa.Table) -> tuple[pa.RecordBatch, Rows]:
    """The columns of events, and the rows that have something else in one."""
    texts = {name: table.column(name).combine_chunks() for name in table.column_names}
    for column, value in layout.constants.items():
        texts[column.name] = pa.repeat(str(value), table.num_rows)
    nothing = pa.nulls(table.num_rows, pa.string())
    columns: list[pa.Array] = []
    unfit: list[Rows] = []
    for name in EVENT_SCHEMA.names:
        before = texts.get(name, nothing)
        convert = _CONVERSIONS.get(name)
        columns.append(before if convert is None else convert(before))
        unfit.append(unfit_rows(before, columns[-1]))
    batch = pa.RecordBatch.from_arrays(columns, schema=EXTRACTED_SCHEMA)
    return batch, np.unique(np.concatenate(unfit))


_CONVERSIONS: Final = {"timestamp": moments, "value": numbers}


def _places(parsed: Rows, rows: int) -> pa.Array:
    """For each row its place among the parsed ones, null where it is not one."""
    places = np.full(rows, -1)
    places[parsed] = np.arange(len(parsed))
    return pa.array(places, mask=places < 0)
