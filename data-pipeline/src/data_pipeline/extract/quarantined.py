"""Reads rows of the quarantine once more, by themselves."""

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any, Final

from contracts.imports import DataType
from data_pipeline.domain.deliveries import Rejected
from data_pipeline.domain.extracted import Extracted, ExtractedEvents, ExtractedRecords
from data_pipeline.extract.faults import INVALID_QUOTES, fault
from data_pipeline.extract.files.chunks import Limits
from data_pipeline.extract.files.csv_cuts import CsvCutter
from data_pipeline.extract.files.csv_rows import extract_csv_rows
from data_pipeline.extract.files.fields import TABLES, Layout
from data_pipeline.extract.files.forms import RowForm
from data_pipeline.extract.files.jsonl import changed_by
from data_pipeline.extract.files.records import read_records
from data_pipeline.extract.json_columns import event_columns
from data_pipeline.extract.json_rows import extract_json_rows

_ONE: Final = Limits(1, 64 * 1024)


def extract_quarantined(data_type: DataType, rows: Sequence[bytes], form: str) -> Extracted:
    """What rows of one form hold: JSON records in our names where it is empty."""
    if not form:
        return extract_json_rows(data_type, rows)
    row_form = RowForm.model_validate_json(form)
    if row_form.columns is None:
        return extract_json_rows(data_type, rows, changed_by(row_form.mapping, TABLES[data_type]))
    return _extract_cells(data_type, rows, row_form.layout(data_type))


def _extract_cells(data_type: DataType, rows: Sequence[bytes], layout: Layout) -> Extracted:
    found = [_record(layout, row, raw) for row, raw in enumerate(rows)]
    faults = [one for one in found if isinstance(one, Rejected)]
    if data_type is not DataType.EVENTS:
        indexes = [row for row, one in enumerate(found) if not isinstance(one, Rejected)]
        records = [found[row] for row in indexes]
        return ExtractedRecords(len(rows), records, indexes, faults, rows.__getitem__)
    records = [{} if isinstance(one, Rejected) else one for one in found]
    events, unfit = event_columns(records)
    return ExtractedEvents(len(rows), events, unfit, faults, records.__getitem__, rows.__getitem__)


def _record(layout: Layout, row: int, raw: bytes) -> Any | Rejected:
    line = raw + b"\n"
    cut = read_records(BytesIO(line), len(line), CsvCutter(len(layout.columns)), 0, _ONE)
    if cut is None or len(cut) != 1 or cut.raw(0) != raw:
        return fault(row, INVALID_QUOTES, raw)
    extracted = extract_csv_rows(layout, cut)
    return replace(extracted.faults[0], index=row) if extracted.faults else extracted.records[0]
