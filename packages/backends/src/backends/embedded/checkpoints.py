"""Keeps SQLite's write-ahead logs short from the side."""

import sqlite3
import threading
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

INTERVAL_SECONDS = 0.5


@contextmanager
def background_checkpoints(paths: Sequence[Path]) -> Generator[None]:
    """Move committed pages into the database files twice a second, in a thread of its own.

    Left to itself SQLite does so within every thousandth page's commit, and that request waits
    for the disk: a fifth of a second where others take milliseconds. It still does where more is
    written than this keeps up with.
    """
    stopped = threading.Event()
    thread = threading.Thread(target=_keep_short, args=(paths, stopped), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _keep_short(paths: Sequence[Path], stopped: threading.Event) -> None:
    while not stopped.wait(INTERVAL_SECONDS):
        for path in paths:
            # A database that is locked or away is its users' to report; the next turn tries again.
            with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=0)) as connection:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
