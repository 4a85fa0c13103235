"""Opens a file of records in its format."""

from collections.abc import Mapping
from pathlib import Path

from contracts.imports import Constant, DataType, FileFormat
from data_pipeline.extract.files.chunks import ChunkReader
from data_pipeline.extract.files.csv_files import read_csv
from data_pipeline.extract.files.fields import NO_MAPPING
from data_pipeline.extract.files.jsonl import read_jsonl
from data_pipeline.extract.files.parquet import read_parquet


def open_file(
    path: Path,
    data_type: DataType,
    file_format: FileFormat,
    position: int,
    mapping: Mapping[str, str | Constant | None] = NO_MAPPING,
) -> ChunkReader:
    """The chunks of a file from a position on, 0 or one that a chunk had.

    `mapping` names the columns of the file by our names: see `contracts.imports.ColumnMapping`.

    Raises, while it is read:
        BrokenFile: the file is not what it is said to be.
        FileNotFoundError: there is no file.
    """
    return ChunkReader(_READERS[file_format](path, data_type, mapping, position))


_READERS = {
    FileFormat.CSV: read_csv,
    FileFormat.JSONL: read_jsonl,
    FileFormat.PARQUET: read_parquet,
}
