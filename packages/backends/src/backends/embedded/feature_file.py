"""The file of the feature store as a whole: who may write it, and how another takes its place."""

import fcntl
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from backends.embedded.feature_schema import FEATURE_TABLES, FORMAT, format_of, open_features
from backends.ports import PortUnavailable


@contextmanager
def only_writer(path: Path) -> Generator[None]:
    """Be the one process that writes the file; the system lets go when the process ends.

    Raises:
        PortUnavailable: another process is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PortUnavailable(f"another process writes {path}: stop data-pipeline") from None
        yield


def is_outdated(path: Path) -> bool:
    """Whether there are features of another format than this code keeps."""
    if not path.exists():
        return False
    with closing(open_features(path)) as connection:
        return format_of(connection) not in (None, FORMAT)


def replace_features(path: Path, by: Path) -> None:
    """Put a finished file in the place of `path`, at one moment; nobody may write either.

    Readers of the old one go on reading it until they open the new one.
    """
    _settle(by)
    if path.exists():
        _settle(path)
    by.replace(path)


def remove_features(path: Path) -> None:
    """Remove a file, if it is there, and what SQLite keeps beside it."""
    path.unlink(missing_ok=True)
    _remove_beside(path)


def differences(one: Path, two: Path) -> Iterator[str]:
    """Rows that two files do not have alike, named by table and key."""
    with closing(open_features(one)) as connection:
        connection.execute("ATTACH ? AS other", (str(two),))
        for table in FEATURE_TABLES:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            keys = [name for name in columns if name in ("tenant_id", "user_id", "item_id")]
            for ours, theirs in (("main", "other"), ("other", "main")):
                for key in connection.execute(_unlike(table, columns, keys, ours, theirs)):
                    yield f"{table} {'/'.join(key)}"


def _settle(path: Path) -> None:
    """Bring everything into the file itself, so that it needs none beside it."""
    with closing(open_features(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    # Frames of one file must never be read as another's.
    _remove_beside(path)


def _remove_beside(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _unlike(table: str, columns: list[str], keys: list[str], ours: str, theirs: str) -> str:
    """Keys of rows of `ours` without an equal in `theirs`; of `other`, without any of the key."""
    compared = columns if ours == "main" else keys
    same = " AND ".join(f"b.{name} IS a.{name}" for name in compared)
    # All names are ours.
    return (
        f"SELECT {', '.join(keys)} FROM {ours}.{table} a "  # noqa: S608
        f"WHERE NOT EXISTS (SELECT 1 FROM {theirs}.{table} b WHERE {same})"
    )
