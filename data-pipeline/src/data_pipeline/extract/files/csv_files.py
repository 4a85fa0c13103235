"""CSV: a row of column names, then a record on each row."""

from collections.abc import Generator, Mapping
from pathlib import Path

from contracts.imports import Constant, DataType
from data_pipeline.domain.imports import Chunk
from data_pipeline.extract.files import chunks
from data_pipeline.extract.files.csv_cuts import CsvCutter
from data_pipeline.extract.files.csv_events import extract_csv_events
from data_pipeline.extract.files.csv_rows import extract_csv_rows, read_layout
from data_pipeline.extract.files.fields import TABLES
from data_pipeline.extract.files.forms import csv_form
from data_pipeline.extract.files.text_files import open_text


def read_csv(
    path: Path, data_type: DataType, mapping: Mapping[str, str | Constant | None], position: int
) -> Generator[Chunk]:
    """The chunks from a byte on, or all of them from byte 0; empty lines are no rows.

    Raises:
        BrokenFile: the first row does not name the columns of such records.
    """
    limits = chunks.limits(data_type)
    extract = extract_csv_events if data_type is DataType.EVENTS else extract_csv_rows
    with open_text(path) as file:
        layout, begin = read_layout(file, TABLES[data_type], mapping)
        position = max(position, begin)
        cut, form = CsvCutter(len(layout.columns)), csv_form(layout)
        while (records := file.read(cut, position, limits)) is not None:
            extracted = extract(layout, records)
            yield file.chunk(records, extracted, form=form, first=position == begin)
            position = records.position
