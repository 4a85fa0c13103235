"""Lines of a text file, with a bound on their length."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from data_pipeline.domain.imports import BrokenFile

MAX_LINE: Final = 1024 * 1024
"""Bytes of a line: more than the largest record needs."""

_BOM: Final = b"\xef\xbb\xbf"


class Lines:
    """Reads lines from a position on; `position` is the byte after the last line read."""

    def __init__(self, file: BinaryIO, position: int) -> None:
        self._file = file
        self.end = os.fstat(file.fileno()).st_size
        self.position = position
        file.seek(position)

    def next(self) -> bytes:
        """The next line with its end, empty after the last; of one too long, the start alone."""
        line = self._file.readline(MAX_LINE + 1)
        start = self.position
        self.position += len(line)
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            self._skip()
        return line.removeprefix(_BOM) if start == 0 else line

    def _skip(self) -> None:
        while rest := self._file.readline(MAX_LINE):
            self.position += len(rest)
            if rest.endswith(b"\n"):
                return


@contextmanager
def open_lines(path: Path, position: int = 0) -> Generator[Lines]:
    """The lines of a file from a byte on. Raises `FileNotFoundError`."""
    with path.open("rb") as file:
        yield Lines(file, position)


def decoded(line: bytes, position: int) -> str:
    """The text of a line that ends at a position. Raises `BrokenFile` where it is not UTF-8."""
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        place = position - len(line) + error.start
        raise BrokenFile(
            f"the file is not UTF-8 at byte {place}: save it as UTF-8 and send it again"
        ) from None
