"""What a pipeline stands on, and how it goes away and comes back."""

import errno
import os
import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

import pytest
from tests.s3_server import S3Server

DISK_BYTES: Final = 256 * 1024 * 1024
_BLOCK: Final = 64 * 1024


class Outage(Protocol):
    """Something that is there, away from `begin` to `end`; `refused` says of whom it is needed."""

    settings: Mapping[str, str]
    refused: frozenset[str]

    def begin(self) -> None: ...

    def end(self) -> None: ...

    def close(self) -> None: ...


class LockedDatabase:
    """Another process than the service holds the database for itself."""

    settings: Mapping[str, str] = {}
    refused = frozenset({"http", "file", "kafka"})

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "data-pipeline" / "data-pipeline.db"

    def begin(self) -> None:
        self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=30)
        self._connection.execute("BEGIN EXCLUSIVE")

    def end(self) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()

    def close(self) -> None: ...


class FullDisk:
    """A small file system of its own, with nothing left on it."""

    settings: Mapping[str, str] = {}
    refused = frozenset({"http", "file", "kafka"})

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir()
        options = ("-t", "tmpfs", "-o", f"size={DISK_BYTES}")
        mount = ["mount", *options, "tmpfs", str(data_dir)]
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            pytest.skip("a full disk needs the right to mount a file system")
        self._folder = data_dir
        self._ballast = data_dir / "ballast"

    def begin(self) -> None:
        with self._ballast.open("wb", buffering=0) as file:
            for size in (_BLOCK, 1):
                _write_all(file.fileno(), b"x" * size)

    def end(self) -> None:
        self._ballast.unlink()

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", str(self._folder)], check=True)


class LostObjects:
    """The folder of the objects is elsewhere, and something else in its place."""

    settings: Mapping[str, str] = {}
    refused = frozenset({"file"})

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "objects"
        self._elsewhere = data_dir / "elsewhere"

    def begin(self) -> None:
        self._folder.rename(self._elsewhere)
        self._folder.touch()

    def end(self) -> None:
        self._folder.unlink()
        self._elsewhere.rename(self._folder)

    def close(self) -> None: ...


class RefusingS3:
    """An object store over the network that accepts no connections."""

    refused = frozenset({"file"})

    def __init__(self, _: Path) -> None:
        self._server = S3Server()
        self._server.start()
        self.settings = {**self._server.settings, "OBJECT_STORE_URL": self._server.url}

    def begin(self) -> None:
        self._server.stop()

    def end(self) -> None:
        self._server.start()

    def close(self) -> None:
        self._server.stop()


OUTAGES: Final[Mapping[str, Callable[[Path], Outage]]] = {
    "database-locked": LockedDatabase,
    "disk-full": FullDisk,
    "objects-lost": LostObjects,
    "s3-away": RefusingS3,
}


def _write_all(file: int, block: bytes) -> None:
    try:
        while True:
            os.write(file, block)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
