"""Write-ahead logs are emptied from the side."""

import sqlite3
import time
from pathlib import Path

from backends.embedded.checkpoints import background_checkpoints

PATIENCE_SECONDS = 20.0


def test_committed_pages_reach_the_file_while_its_writer_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("PRAGMA wal_autocheckpoint=0")
    writer.execute("CREATE TABLE rows (content BLOB)")
    writer.execute("INSERT INTO rows VALUES (zeroblob(100000))")
    assert path.stat().st_size < 100_000
    with background_checkpoints([tmp_path / "not-there-yet.db", path]):
        until = time.monotonic() + PATIENCE_SECONDS
        while path.stat().st_size < 100_000:
            assert time.monotonic() < until
            time.sleep(0.01)
        writer.execute("INSERT INTO rows VALUES (zeroblob(10))")
    assert writer.execute("SELECT count(*) FROM rows").fetchone() == (2,)
    writer.close()
