"""A real PostgreSQL of Debian for tests: a process of its own on a free loopback port."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import asyncpg
from tests.real_processes import free_port, wait_for

NEEDS: Final = "needs PostgreSQL in /usr/lib/postgresql (Debian package postgresql)"
_USER: Final = "postgres"
_BINARIES: Final = Path("/usr/lib/postgresql")
_LANGUAGE: Final = ("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
"""Texts are in the order of a language unless a column says otherwise, as on many servers."""

_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    # What was committed is in the page cache, which outlives a killed process.
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "shared_buffers": "32MB",
}


def is_here() -> bool:
    """Whether the server is installed; Debian's package has made its user."""
    return bool(_binaries())


class PostgresServer:
    """A server without a password on a loopback port, to be killed and started again."""

    def __init__(self) -> None:
        # Outside of pytest's folders, which no other user may enter.
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        if os.geteuid() == 0:
            shutil.chown(self._folder, _USER)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        options = ("-U", _USER, "-A", "trust", "--no-sync", "--encoding=UTF8")
        self._call("initdb", "-D", self._data, *options, *_LANGUAGE).check_returncode()

    @property
    def address(self) -> str:
        """User, host and port, as URLs have them."""
        return f"{_USER}@127.0.0.1:{self.port}"

    def url(self, database: str) -> str:
        """The DATABASE_URL of one of its databases."""
        return f"postgresql+asyncpg://{self.address}/{database}"

    def start(self) -> None:
        """Start the server; it takes a moment until it answers."""
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        places = ("-D", self._data, "-k", str(self._folder), "-p", str(self.port))
        self._process = subprocess.Popen(
            self._command("postgres", *places, *options),
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait_until_ready(self) -> None:
        """Wait until it answers."""
        wait_for(self._answers, until=bool)

    def kill(self) -> None:
        """End it at once; its children see that and end too."""
        self._call("pg_ctl", "-D", self._data, "-m", "immediate", "stop")
        if self._process is not None:
            self._process.wait(timeout=20)

    def close(self) -> None:
        """End it, and leave nothing of it."""
        self.kill()
        shutil.rmtree(self._folder)

    def execute(self, statement: str) -> None:
        """Run a statement outside of any transaction."""
        asyncio.run(self._execute(statement))

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _answers(self) -> bool:
        asked = ("-h", "127.0.0.1", "-p", str(self.port), "-U", _USER)
        return self._call("pg_isready", *asked).returncode == 0

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(f"postgresql://{self.address}/postgres")
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _command(self, program: str, *arguments: str) -> Sequence[str]:
        (*_, newest) = _binaries()
        command = [str(newest / program), *arguments]
        if os.geteuid() != 0:
            return command
        # It refuses to run as root.
        account = ("--reuid", _USER, "--regid", _USER, "--clear-groups")
        return ["setpriv", *account, "--", *command]

    def _call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = self._command(program, *arguments)
        return subprocess.run(command, cwd=self._folder, capture_output=True, check=False)


def _binaries() -> list[Path]:
    found = {folder.parent for folder in _BINARIES.glob("*/bin/initdb")}
    return sorted(found, key=lambda folder: int(folder.parent.name))
