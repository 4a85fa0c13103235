"""Jaeger on loopback."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stack.programs.configuration import CONFIGURATION, put, read, write
from stack.programs.executables import need
from stack.programs.ports import Ports, local
from stack.programs.processes import Program

_NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True)
class StoredSpan:
    """A span as Jaeger's API gives it.

    `parent_id` is empty for a root; `links` are the trace and the span of each one it follows.
    """

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    seconds: float
    attributes: dict[str, Any]
    links: tuple[tuple[str, str], ...]


class Jaeger(Program):
    """Jaeger over one data folder."""

    def __init__(self, folder: Path, ports: Ports) -> None:
        super().__init__("jaeger", folder, ports.jaeger, "/")
        self._executable = need("jaeger")
        self.otlp_grpc_address = local(ports.jaeger_otlp_grpc)
        self.metrics_address = local(ports.jaeger_metrics)
        self.config = write(self.folder / "jaeger.yml", self._rendered(ports))

    def _rendered(self, ports: Ports) -> dict[str, Any]:
        config = read(CONFIGURATION / "jaeger" / "jaeger.yml")
        badger = "extensions.jaeger_storage.backends.traces.badger.directories"
        put(config, f"{badger}.keys", str(self.folder / "data" / "keys"))
        put(config, f"{badger}.values", str(self.folder / "data" / "values"))
        for place, port in {
            "extensions.healthcheckv2.http": ports.jaeger_health,
            "extensions.jaeger_query.http": ports.jaeger,
            "extensions.jaeger_query.grpc": ports.jaeger_grpc,
            "extensions.remote_sampling.http": ports.jaeger_sampling_http,
            "extensions.remote_sampling.grpc": ports.jaeger_sampling_grpc,
            "receivers.otlp.protocols.grpc": ports.jaeger_otlp_grpc,
            "receivers.otlp.protocols.http": ports.jaeger_otlp_http,
            "receivers.jaeger.protocols.thrift_compact": ports.jaeger_thrift_compact,
            "receivers.jaeger.protocols.thrift_binary": ports.jaeger_thrift_binary,
            "receivers.jaeger.protocols.thrift_http": ports.jaeger_thrift_http,
        }.items():
            put(config, f"{place}.endpoint", local(port))
        put(config, "service.telemetry.metrics.readers", [metrics_reader(ports.jaeger_metrics)])
        return config

    def command(self) -> Sequence[str]:
        """Jaeger with the rendered file."""
        return [self._executable, "--config", str(self.config)]

    def trace(self, trace_id: str) -> list[StoredSpan]:
        """The spans of a trace; none where Jaeger does not have it."""
        answer = self.client.get(f"/api/traces/{trace_id}")
        if answer.status_code == _NOT_FOUND:
            return []
        answer.raise_for_status()
        return [span for trace in answer.json()["data"] for span in _spans(trace)]

    def search(self, service: str, limit: int = 100, **parameters: str) -> list[list[StoredSpan]]:
        """The spans of each of the newest traces of a service."""
        asked = {"service": service, "limit": str(limit), "lookback": "1h", **parameters}
        answer = self.client.get("/api/traces", params=asked)
        answer.raise_for_status()
        return [_spans(trace) for trace in answer.json()["data"]]

    def services(self) -> list[str]:
        """The services that have sent spans."""
        return self.client.get("/api/services").raise_for_status().json()["data"] or []


def metrics_reader(port: int) -> dict[str, Any]:
    """A collector's setting to show its own metrics on a loopback port."""
    host, _, number = local(port).partition(":")
    return {"pull": {"exporter": {"prometheus": {"host": host, "port": int(number)}}}}


def _spans(trace: dict[str, Any]) -> list[StoredSpan]:
    processes = trace["processes"]
    return [
        StoredSpan(
            span["traceID"],
            span["spanID"],
            next((r["spanID"] for r in span["references"] if r["refType"] == "CHILD_OF"), ""),
            processes[span["processID"]]["serviceName"],
            span["operationName"],
            span["duration"] / 1e6,
            {tag["key"]: tag["value"] for tag in span["tags"]},
            tuple(
                (r["traceID"], r["spanID"])
                for r in span["references"]
                if r["refType"] == "FOLLOWS_FROM"
            ),
        )
        for span in trace["spans"]
    ]
