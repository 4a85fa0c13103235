"""Sees to it that erased words can be read in no file of a SQLite database.

`PRAGMA secure_delete` overwrites what is deleted where it stands. Two places are left: the
write-ahead log, and copies that stay between the cells of a page when SQLite spreads a full page
over several (`rebuildPage` in its btree.c). The first is emptied; the second is looked for in the
file, and where there is one, the file is written anew.
"""

import mmap
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from backends.ports import PortUnavailable

PATIENCE_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.01
_LEAVES: Final = {10, 13}
_INTERIORS: Final = {2, 5}
_FILE_HEADER: Final = 100
_FOUND: Final = 10


def remove_traces(path: Path, words: Sequence[str]) -> None:
    """Remove what is left of `words`, which were deleted with `PRAGMA secure_delete` on.

    It waits for readers of older states; to be called outside of the event loop's thread. Words
    that are part of what other records say stay there.

    Raises:
        PortUnavailable: others kept the file in use for ten seconds, or it cannot be written.
    """
    try:
        with closing(sqlite3.connect(path, timeout=PATIENCE_SECONDS)) as connection:
            _empty_write_ahead_log(connection, path)
            if _has_copies(path, words):
                connection.execute("PRAGMA secure_delete=ON")
                connection.execute("VACUUM")
                _empty_write_ahead_log(connection, path)
    except sqlite3.Error as error:
        raise PortUnavailable(f"{path.name} cannot be cleaned: {error}") from error


def _empty_write_ahead_log(connection: sqlite3.Connection, path: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        # SQLite waits for readers and writers by itself, but not for another checkpoint.
        if time.monotonic() > deadline:
            raise PortUnavailable(f"the write-ahead log of {path.name} stays in use: try again")
        time.sleep(_PAUSE_SECONDS)


def _has_copies(path: Path, words: Sequence[str]) -> bool:
    # In a process of its own: where a process closes a file, it loses the locks that SQLite holds
    # on it. The words are in no argument, which every user of the machine could see.
    scan = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", __name__, str(path)],
        input="\n".join(word.encode().hex() for word in words).encode(),
        check=False,
        capture_output=True,
    )
    if scan.returncode not in (0, _FOUND):
        raise PortUnavailable(f"{path.name} cannot be searched: {scan.stderr.decode()[-200:]}")
    return scan.returncode == _FOUND


def copies(content: bytes | mmap.mmap, words: Sequence[bytes]) -> Iterator[int]:
    """The places in a database file where a word stands in no record."""
    page_size = int.from_bytes(content[16:18], "big")
    page_size = 65_536 if page_size == 1 else page_size
    for word in words:
        place = content.find(word)
        while place >= 0:
            page = place - place % page_size
            if _between_cells(content, page, place - page):
                yield place
            place = content.find(word, place + 1)


def _between_cells(content: bytes | mmap.mmap, page: int, offset: int) -> bool:
    """Whether a place in a page of a B-tree is behind its cell pointers and before its cells."""
    header = page + (_FILE_HEADER if page == 0 else 0)
    kind = content[header]
    if kind not in _LEAVES | _INTERIORS:
        return False
    cells = int.from_bytes(content[header + 3 : header + 5], "big")
    first_cell = int.from_bytes(content[header + 5 : header + 7], "big") or 65_536
    pointers = header - page + (8 if kind in _LEAVES else 12)
    return pointers + 2 * cells <= offset < first_cell


def main() -> None:
    """Search the file that is named for the words on standard input, in hex, one on a line."""
    words = [bytes.fromhex(line) for line in sys.stdin.read().split()]
    with (
        Path(sys.argv[1]).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        sys.exit(_FOUND if next(copies(content, words), None) is not None else 0)


if __name__ == "__main__":
    main()
