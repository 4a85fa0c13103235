"""A real PostgreSQL of Debian for tests, and the exporter that watches it."""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.real_processes import free_port

from stack.programs.executables import need
from stack.programs.ports import Ports
from stack.programs.processes import Program

POSTGRES_EXPORTER: Final = "prometheus-postgres-exporter"
_USER: Final = "postgres"
_BINARIES: Final = Path("/usr/lib/postgresql")


def is_here() -> bool:
    """Whether both programs are here; the server has to be another user than root."""
    return bool(_binaries()) and shutil.which(POSTGRES_EXPORTER) is not None


class PostgresServer:
    """A server without a password on a loopback port, to be killed and started again."""

    def __init__(self) -> None:
        # Outside of pytest's folders, which no other user may enter.
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        shutil.chown(self._folder, _USER)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self._call(
            "initdb", "-D", str(self._folder / "data"), "-A", "trust", "--no-sync"
        ).check_returncode()

    def start(self) -> None:
        """Start the server; it takes a moment until it answers."""
        places = ("-D", str(self._folder / "data"), "-k", str(self._folder))
        options = ("-h", "127.0.0.1", "-p", str(self.port), "-F")
        self._process = subprocess.Popen(
            self._command("postgres", *places, *options),
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """End it at once; its children see that and end too."""
        self._call("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "stop")
        if self._process is not None:
            self._process.wait(timeout=20)

    def close(self) -> None:
        """End it, and leave nothing of it."""
        self.kill()
        shutil.rmtree(self._folder)

    def _command(self, program: str, *arguments: str) -> Sequence[str]:
        (*_, newest) = _binaries()
        account = ("--reuid", _USER, "--regid", _USER, "--clear-groups")
        return ["setpriv", *account, "--", str(newest / program), *arguments]

    def _call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = self._command(program, *arguments)
        return subprocess.run(command, cwd=self._folder, capture_output=True, check=False)


class PostgresExporter(Program):
    """The metrics of one PostgreSQL."""

    def __init__(self, folder: Path, server: PostgresServer) -> None:
        super().__init__("postgres-exporter", folder, Ports.free().grafana, "/metrics")
        self._executable = need(POSTGRES_EXPORTER)
        self._server = server

    def command(self) -> Sequence[str]:
        """The exporter."""
        return [self._executable, f"--web.listen-address={self.address}", "--log.level=error"]

    def environment(self) -> Mapping[str, str]:
        """Where the server is."""
        address = f"127.0.0.1:{self._server.port}/postgres?sslmode=disable"
        return {"DATA_SOURCE_NAME": f"postgresql://{_USER}@{address}"}


def _binaries() -> list[Path]:
    return sorted(found.parent for found in _BINARIES.glob("*/bin/initdb"))
