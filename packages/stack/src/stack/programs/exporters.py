"""Debian's exporters: the host's metrics, and those of a Redis."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from stack.programs.executables import need
from stack.programs.ports import Ports
from stack.programs.processes import Program

NODE_EXPORTER: Final = "prometheus-node-exporter"
REDIS_EXPORTER: Final = "prometheus-redis-exporter"


class NodeExporter(Program):
    """CPU, memory, disks and network of this machine."""

    def __init__(self, folder: Path, ports: Ports) -> None:
        super().__init__("node-exporter", folder, ports.node_exporter, "/metrics")
        self._executable = need(NODE_EXPORTER)

    def command(self) -> Sequence[str]:
        """The exporter."""
        return [self._executable, f"--web.listen-address={self.address}", "--log.level=warn"]


class RedisExporter(Program):
    """The metrics of one Redis."""

    def __init__(self, folder: Path, ports: Ports, redis_url: str) -> None:
        super().__init__("redis-exporter", folder, ports.redis_exporter, "/metrics")
        self._executable = need(REDIS_EXPORTER)
        self._redis_url = redis_url

    def command(self) -> Sequence[str]:
        """The exporter of that Redis."""
        options = ["-web.listen-address", self.address, "-redis.addr", self._redis_url]
        return [self._executable, *options]
