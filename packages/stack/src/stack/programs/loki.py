"""Loki on loopback."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stack.programs.configuration import CONFIGURATION, put, read, write
from stack.programs.executables import need
from stack.programs.ports import LOOPBACK, Ports
from stack.programs.processes import Program

_HOUR_NS: Final = 3600 * 10**9


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line, with its labels and its structured metadata together."""

    time_ns: int
    line: str
    fields: dict[str, str]


class Loki(Program):
    """Loki over one data folder."""

    def __init__(self, folder: Path, ports: Ports) -> None:
        super().__init__("loki", folder, ports.loki, "/ready")
        self._executable = need("loki")
        data = str(self.folder / "data")
        config = read(CONFIGURATION / "loki" / "loki.yml")
        put(config, "server.http_listen_port", ports.loki)
        put(config, "server.grpc_listen_port", ports.loki_grpc)
        config["server"]["http_listen_address"] = LOOPBACK
        config["server"]["grpc_listen_address"] = LOOPBACK
        put(config, "common.path_prefix", data)
        put(config, "common.storage.filesystem.chunks_directory", f"{data}/chunks")
        put(config, "common.storage.filesystem.rules_directory", f"{data}/rules")
        put(config, "ingester.wal.dir", f"{data}/wal")
        put(config, "compactor.working_directory", f"{data}/compactor")
        # It waits for other members of a ring by default, and here there are none.
        config["ingester"]["lifecycler"] = {"min_ready_duration": "0s"}
        # It looks for its own scheduler every ten seconds by default, and is ready with the second.
        config["frontend"] = {"scheduler_dns_lookup_period": "200ms"}
        self.config = write(self.folder / "loki.yml", config)

    def command(self) -> Sequence[str]:
        """Loki with the rendered file."""
        return [self._executable, f"-config.file={self.config}"]

    @property
    def otlp_endpoint(self) -> str:
        """Where it takes logs by OTLP/HTTP."""
        return f"{self.url}/otlp"

    def query(
        self,
        logql: str,
        *,
        since_ns: int | None = None,
        until_ns: int | None = None,
        limit: int = 1000,
    ) -> list[LogLine]:
        """The newest lines that a log query finds, of the last hour by default."""
        now = time.time_ns()
        answer = self._get(
            "/loki/api/v1/query_range",
            query=logql,
            start=since_ns or now - _HOUR_NS,
            end=until_ns or now + 60 * 10**9,
            limit=limit,
        )
        return [
            LogLine(int(value[0]), value[1], stream["stream"])
            for stream in answer["result"]
            for value in stream["values"]
        ]

    def metric(self, logql: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series of a metric query, now."""
        answer = self._get("/loki/api/v1/query", query=logql)
        return [(one["metric"], float(one["value"][1])) for one in answer["result"]]

    def labels(self) -> set[str]:
        """The names of the labels of the streams of the last hour."""
        return set(self._get("/loki/api/v1/labels"))

    def flush(self) -> None:
        """Write what is in memory as chunks."""
        self.client.post("/flush").raise_for_status()

    def _get(self, path: str, **parameters: str | int) -> Any:
        answer = self.client.get(path, params=parameters)
        if not answer.is_success:
            raise ValueError(f"Loki answers {answer.status_code}: {answer.text}")
        return answer.json()["data"]
