"""Tables in Parquet files, written batch by batch and hashed on the way."""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True, slots=True)
class TableFile:
    """A whole Parquet file, its number of rows and its SHA-256 in hex."""

    path: Path
    rows: int
    sha256: str


class TableWriter:
    """Writes a file batch by batch, each batch a row group; the same batches give the same bytes.

    Runs in any thread, in one at a time.
    """

    def __init__(self, path: Path, file: BinaryIO, schema: pa.Schema) -> None:
        self._path = path
        self._schema = schema
        self._sink = _HashedFile(file)
        self._writer = pq.ParquetWriter(self._sink, schema, compression="zstd")
        self._rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Append rows with the columns of the schema."""
        self._writer.write_batch(batch.cast(self._schema))
        self._rows += batch.num_rows

    def finish(self) -> TableFile:
        """End the file; nothing can be added afterwards."""
        self._writer.close()
        return TableFile(self._path, self._rows, self._sink.sha256())

    def abandon(self) -> None:
        """Leave the file as it is, if it was not finished."""
        with suppress(OSError, pa.ArrowException):
            self._writer.close()


@contextmanager
def writing_table(path: Path, schema: pa.Schema) -> Generator[TableWriter]:
    """A block in which a file is written; the block finishes it."""
    with path.open("wb") as file:
        writer = TableWriter(path, file, schema)
        try:
            yield writer
        finally:
            writer.abandon()


def write_table(table: pa.Table, path: Path) -> TableFile:
    """Write a whole table."""
    with writing_table(path, table.schema) as writer:
        for batch in table.to_batches():
            writer.add(batch)
        return writer.finish()


class _HashedFile:
    """What Parquet is written to: it never goes back, so its bytes can be hashed as they come."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def write(self, content: bytes) -> int:
        self._hash.update(content)
        return self._file.write(content)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        # Parquet closes what it is done with; the file is closed by its block.
        self._file.flush()

    def sha256(self) -> str:
        return self._hash.hexdigest()
