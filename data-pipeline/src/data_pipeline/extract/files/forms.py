"""How a row of a file is to be read once the file is gone: kept beside what is quarantined."""

from collections.abc import Mapping

from pydantic import BaseModel

from contracts.imports import ColumnMapping, Constant, DataType
from data_pipeline.extract.files.fields import TABLES, Layout


class RowForm(BaseModel):
    """Cells of columns named as ours, None for one of no use; or a JSON record to be mapped."""

    columns: list[str | None] | None = None
    constants: dict[str, str | bool | int | float] = {}
    mapping: ColumnMapping = {}

    def layout(self, data_type: DataType) -> Layout:
        """What the columns of a row of cells are."""
        column = TABLES[data_type].column
        return Layout(
            [None if name is None else column(name) for name in self.columns or ()],
            {column(name): value for name, value in self.constants.items()},
        )


def csv_form(layout: Layout) -> str:
    """The form of rows of cells."""
    return RowForm(
        columns=[None if column is None else column.name for column in layout.columns],
        constants={column.name: value for column, value in layout.constants.items()},
    ).model_dump_json(exclude_defaults=True)


def jsonl_form(mapping: Mapping[str, str | Constant | None]) -> str:
    """The form of JSON records, empty where they have our names."""
    return RowForm(mapping=dict(mapping)).model_dump_json(exclude_defaults=True) if mapping else ""
