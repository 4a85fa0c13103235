"""Opens a file of records in its format."""

from pathlib import Path

from contracts.imports import DataType, FileFormat
from data_pipeline.extract.files.chunks import ChunkReader
from data_pipeline.extract.files.csv_rows import read_csv
from data_pipeline.extract.files.fields import TABLES
from data_pipeline.extract.files.jsonl import read_jsonl
from data_pipeline.extract.files.parquet import parquet_rows, read_parquet


def open_file(
    path: Path, data_type: DataType, file_format: FileFormat, position: int
) -> ChunkReader:
    """The chunks of a file from a position on, 0 or one that a chunk had.

    Raises:
        BrokenFile: here or while it is read, the file is not what it is said to be.
        FileNotFoundError: there is no file.
    """
    if file_format is FileFormat.PARQUET:
        rows = read_parquet(path, TABLES[data_type], position)
        return ChunkReader(rows, parquet_rows(path))
    if file_format is FileFormat.CSV:
        return ChunkReader(read_csv(path, TABLES[data_type], position), path.stat().st_size)
    return ChunkReader(read_jsonl(path, position), path.stat().st_size)
