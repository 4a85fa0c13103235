"""The ports of the stack on one machine."""

import os
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from itertools import cycle, islice
from typing import Final, Self

LOOPBACK: Final = "127.0.0.1"
_CANDIDATES: Final = range(20_000, 32_768)
"""Systems give connections that go out a port above these, at any moment."""


class PortTaken(Exception):
    """Somebody else listens on a port that the stack needs; the message is one line."""


@dataclass(frozen=True, slots=True)
class Ports:
    """A port for everything that listens: each program's standard one by default.

    Jaeger and the collector share some standard ports; on one machine the collector has them.
    """

    prometheus: int = 9090
    alertmanager: int = 9093
    loki: int = 3100
    loki_grpc: int = 9095
    jaeger: int = 16686
    jaeger_grpc: int = 16685
    jaeger_otlp_grpc: int = 14317
    jaeger_otlp_http: int = 14318
    jaeger_thrift_compact: int = 6831
    jaeger_thrift_binary: int = 6832
    jaeger_thrift_http: int = 14268
    jaeger_sampling_http: int = 5778
    jaeger_sampling_grpc: int = 5779
    jaeger_metrics: int = 18888
    jaeger_health: int = 13134
    collector_otlp_grpc: int = 4317
    collector_otlp_http: int = 4318
    collector_metrics: int = 8888
    collector_span_metrics: int = 8889
    collector_health: int = 13133
    node_exporter: int = 9100
    redis_exporter: int = 9121
    grafana: int = 3000

    @classmethod
    def free(cls) -> Self:
        """Ports that nobody listens on now."""
        return cls(*free_ports(len(fields(cls))))

    def check_free(self) -> None:
        """Raise `PortTaken` where somebody listens on one of the ports."""
        for name, port in asdict(self).items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((LOOPBACK, port))
                except OSError as error:
                    raise PortTaken(f"port {port} ({name.replace('_', ' ')}) is in use") from error


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, each given once for a long time."""
    return list(islice(filter(_is_free, _UNTRIED), count))


def _untried() -> Iterator[int]:
    # Processes that look for ports at the same time begin far from each other.
    start = os.getpid() * 1009 % len(_CANDIDATES)
    return islice(cycle(_CANDIDATES), start, None)


_UNTRIED: Final = _untried()


def _is_free(port: int) -> bool:
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError:
        return False
    return True


def local(port: int) -> str:
    """The address of a port on this machine, such as 127.0.0.1:9090."""
    return f"{LOOPBACK}:{port}"
