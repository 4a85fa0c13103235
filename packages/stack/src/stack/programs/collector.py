"""The OpenTelemetry collector on loopback: Jaeger's program with the collector's configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stack.programs.configuration import CONFIGURATION, put, read, write
from stack.programs.executables import need
from stack.programs.exposition import scrape
from stack.programs.jaeger import metrics_reader
from stack.programs.ports import Ports, local
from stack.programs.processes import Program


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which traces the collector keeps, beside those that failed."""

    decision_wait: str = "2s"
    keep_percentage: float = 100.0
    slow_milliseconds: int = 500


class Collector(Program):
    """The collector, in front of Jaeger and Loki."""

    def __init__(
        self,
        folder: Path,
        ports: Ports,
        sampling: Sampling,
        jaeger_otlp: str,
        loki_otlp: str,
    ) -> None:
        super().__init__("collector", folder, ports.collector_health, "/status")
        self._executable = need("jaeger")
        self._environment = {
            "JAEGER_OTLP_ENDPOINT": jaeger_otlp,
            "LOKI_OTLP_ENDPOINT": loki_otlp,
            "TRACE_DECISION_WAIT": sampling.decision_wait,
            "TRACE_KEEP_PERCENTAGE": str(sampling.keep_percentage),
            "TRACE_SLOW_MILLISECONDS": str(sampling.slow_milliseconds),
        }
        self.otlp_grpc_address = local(ports.collector_otlp_grpc)
        self.otlp_url = f"http://{local(ports.collector_otlp_http)}"
        self.metrics_address = local(ports.collector_metrics)
        self.span_metrics_address = local(ports.collector_span_metrics)
        self.configs = self._render(ports)

    def _render(self, ports: Ports) -> list[Path]:
        source = CONFIGURATION / "collector"
        config = read(source / "collector.yml")
        receiver = "receivers.otlp.protocols"
        put(config, f"{receiver}.grpc.endpoint", local(ports.collector_otlp_grpc))
        put(config, f"{receiver}.http.endpoint", local(ports.collector_otlp_http))
        put(config, "exporters.prometheus.endpoint", local(ports.collector_span_metrics))
        put(config, "connectors.spanmetrics.metrics_flush_interval", "1s")
        put(config, "service.telemetry.metrics.readers", [metrics_reader(ports.collector_metrics)])
        health = read(source / "health.yml")
        put(health, "extensions.healthcheckv2.http.endpoint", local(ports.collector_health))
        return [
            write(self.folder / "collector.yml", config),
            write(self.folder / "health.yml", health),
        ]

    def command(self) -> Sequence[str]:
        """Jaeger's program with the rendered files."""
        options = [part for config in self.configs for part in ("--config", str(config))]
        return [self._executable, *options]

    def environment(self) -> Mapping[str, str]:
        """What the configuration reads from the environment."""
        return self._environment

    def metrics(self) -> dict[str, float]:
        """Its own metrics, summed over their labels."""
        return scrape(f"http://{self.metrics_address}/metrics")

    def span_metrics(self) -> dict[str, float]:
        """The metrics it makes of spans, summed over their labels."""
        return scrape(f"http://{self.span_metrics_address}/metrics")
