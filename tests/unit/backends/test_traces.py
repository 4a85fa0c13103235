"""Words that were deleted are in no file, however SQLite moved them about before."""

import random
import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from backends.embedded.traces import copies, remove_traces

WORD = "secret-user"


def fill(path: Path, seed: int) -> None:
    """A table whose index pages are split in random places, then the word deleted."""
    rnd = random.Random(seed)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute("CREATE TABLE seen (user TEXT, n INTEGER)")
        connection.execute("CREATE INDEX by_user ON seen (user, n)")
        connection.execute("BEGIN")
        for n in range(3_000):
            user = WORD if rnd.random() < 0.05 else f"user-{rnd.randrange(400)}"
            connection.execute("INSERT INTO seen VALUES (?, ?)", (user, n))
            if n % 100 == 0:
                connection.execute("UPDATE seen SET user = ? WHERE user = 'user-7'", (WORD,))
        connection.execute("COMMIT")
        connection.execute("DELETE FROM seen WHERE user = ?", (WORD,))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def found(path: Path) -> list[int]:
    return list(copies(path.read_bytes(), [WORD.encode()]))


@pytest.fixture
def with_copies(tmp_path: Path) -> Generator[Path]:
    for seed in range(200):
        path = tmp_path / f"{seed}.db"
        fill(path, seed)
        if found(path):
            yield path
            return
    pytest.fail("SQLite left no copy in 200 files: it may clean its pages by itself now")


def test_a_copy_between_the_cells_of_a_page_is_found_and_removed(with_copies: Path) -> None:
    remove_traces(with_copies, [WORD])
    assert WORD.encode() not in with_copies.read_bytes()
    with closing(sqlite3.connect(with_copies)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM seen").fetchone()[0] > 2_000


def test_the_write_ahead_log_is_emptied(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE seen (user TEXT)")
        connection.execute("INSERT INTO seen VALUES (?)", (WORD,))
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute("DELETE FROM seen")
        assert WORD.encode() in (tmp_path / "x.db-wal").read_bytes()
        remove_traces(path, [WORD])
        assert (tmp_path / "x.db-wal").read_bytes() == b""
        assert WORD.encode() not in path.read_bytes()


def test_what_other_records_say_stays_and_is_no_copy(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE seen (user TEXT)")
        connection.execute("INSERT INTO seen VALUES (?)", (f"{WORD}-2",))
    assert found(path) == []
    before = path.read_bytes()
    remove_traces(path, [WORD])
    assert path.read_bytes() == before
