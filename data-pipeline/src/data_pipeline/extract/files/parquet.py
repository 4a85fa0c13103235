"""Parquet: columns as in CSV, or `attributes` and `location` as structs."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from contracts.imports import Constant, DataType
from data_pipeline.domain.imports import BrokenFile, Chunk
from data_pipeline.extract.files import chunks
from data_pipeline.extract.files.fields import TABLES
from data_pipeline.extract.files.parquet_columns import parquet_layout
from data_pipeline.extract.files.parquet_events import extract_parquet_events
from data_pipeline.extract.files.parquet_rows import ParquetRows

MAX_ROW_GROUP_BYTES: Final = 1024**3
READ_BUFFER: Final = 1024 * 1024


def read_parquet(
    path: Path, data_type: DataType, mapping: Mapping[str, str | Constant | None], position: int
) -> Generator[Chunk]:
    """The chunks from a row on.

    Raises:
        BrokenFile: the file is not Parquet, or its columns are not those of the type of data.
    """
    events = data_type is DataType.EVENTS
    with _opened(path) as file:
        layout = parquet_layout(file.schema_arrow, TABLES[data_type], mapping)
        total = file.metadata.num_rows
        for batch in _batches(file, position, chunks.limits(data_type)):
            position += batch.num_rows
            rows = ParquetRows(layout, batch)
            yield Chunk(
                rows=batch.num_rows,
                extracted=extract_parquet_events(rows) if events else rows.records(),
                position=position,
                progress=position / total,
                notices={},
            )


def _batches(
    file: pq.ParquetFile, position: int, limits: chunks.Limits
) -> Iterator[pa.RecordBatch]:
    groups, skip = _groups_after(file.metadata, position)
    per_batch = _rows_at_once(file.metadata, limits)
    for group in groups:
        for batch in file.iter_batches(per_batch, row_groups=[group], use_threads=False):
            rows = batch.slice(min(skip, batch.num_rows))
            skip -= batch.num_rows - rows.num_rows
            if rows.num_rows:
                yield rows


@contextmanager
def _opened(path: Path) -> Generator[pq.ParquetFile]:
    try:
        # Through a buffer, a column of a row group is never in memory as a whole.
        with pq.ParquetFile(path, buffer_size=READ_BUFFER, pre_buffer=False) as file:
            yield file
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        reason = str(error).partition("\n")[0][:200]
        raise BrokenFile(f"the file cannot be read as Parquet: {reason}") from None


def _groups_after(metadata: pq.FileMetaData, position: int) -> tuple[list[int], int]:
    """The row groups from the row at `position` on, and the rows to leave out of the first."""
    first, skip = 0, position
    while first < metadata.num_row_groups and metadata.row_group(first).num_rows <= skip:
        skip -= metadata.row_group(first).num_rows
        first += 1
    return list(range(first, metadata.num_row_groups)), skip


def _rows_at_once(metadata: pq.FileMetaData, limits: chunks.Limits) -> int:
    """How many rows have about the bytes of a chunk, where rows are widest."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    if any(group.total_byte_size > MAX_ROW_GROUP_BYTES for group in groups):
        raise BrokenFile(f"a row group is larger than {MAX_ROW_GROUP_BYTES} bytes: make it smaller")
    size = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    return max(1, min(limits.rows, limits.size // max(size, 1)))
