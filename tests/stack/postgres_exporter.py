"""The exporter that watches a real PostgreSQL."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests import postgres_server
from tests.postgres_server import PostgresServer

from stack.programs.executables import need
from stack.programs.ports import Ports
from stack.programs.processes import Program

POSTGRES_EXPORTER: Final = "prometheus-postgres-exporter"


def is_here() -> bool:
    """Whether the exporter is here, and a server for it."""
    return postgres_server.is_here() and shutil.which(POSTGRES_EXPORTER) is not None


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
        address = f"{self._server.address}/postgres?sslmode=disable"
        return {"DATA_SOURCE_NAME": f"postgresql://{address}"}
