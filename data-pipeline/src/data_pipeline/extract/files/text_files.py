"""Opens text files of records: where their records begin, and what of them is worth a notice."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from data_pipeline.domain.extracted import Extracted
from data_pipeline.domain.imports import Chunk
from data_pipeline.extract.faults import BOM
from data_pipeline.extract.files.chunks import Limits
from data_pipeline.extract.files.records import Cutter, Records, read_records

_FIRST_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class TextFile:
    """An open file of `size` bytes whose records begin at `begin`, behind a byte order mark.

    `crlf` says how its first line ends.
    """

    file: BinaryIO
    size: int
    begin: int
    crlf: bool

    def read(self, cut: Cutter, position: int, limits: Limits) -> Records | None:
        """The records from `position` on, None at the end."""
        position = max(position, self.begin)
        return read_records(self.file, self.size, cut, position, limits)

    def chunk(self, records: Records, extracted: Extracted, *, form: str, first: bool) -> Chunk:
        """The chunk of some records; the `first` one of the file tells of the file's mark."""
        others = records.lines_lf if self.crlf else records.lines_crlf
        counts = {"byte_order_mark": int(first and self.begin > 0), "mixed_line_ends": others}
        return Chunk(
            rows=extracted.rows,
            extracted=extracted,
            position=records.position,
            progress=min(1.0, records.position / self.size),
            notices={name: count for name, count in counts.items() if count},
            form=form,
        )


@contextmanager
def open_text(path: Path) -> Generator[TextFile]:
    """A text file. Raises `FileNotFoundError`."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        first = file.read(_FIRST_BYTES)
        begin = len(BOM) if first.startswith(BOM) else 0
        crlf = first.partition(b"\n")[0].endswith(b"\r")
        yield TextFile(file, size, begin, crlf)
