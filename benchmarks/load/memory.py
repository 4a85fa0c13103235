"""Memory of the services over time: of the processes that listen here, or of containers."""

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import psutil

EVERY_SECONDS: Final = 5.0
_SIZE: Final = re.compile(r"([\d.]+)([KMG]?i?B)")
_UNITS: Final = {"B": 1e-6, "KiB": 1.024e-3, "MiB": 1.048576, "GiB": 1073.741824}

Sizes = Mapping[str, float]


def of_processes(ports: Mapping[str, int]) -> Callable[[], Sizes]:
    """Resident megabytes of the processes that listen on ports of this machine, with children."""
    listening = {
        one.laddr.port: one.pid
        for one in psutil.net_connections("tcp")
        if one.status == psutil.CONN_LISTEN and one.laddr and one.pid
    }
    processes = {
        name: psutil.Process(listening[port]) for name, port in ports.items() if port in listening
    }

    def sizes() -> Sizes:
        return {name: _resident(process) for name, process in processes.items()}

    return sizes


def of_containers() -> Sizes:
    """Megabytes of every container, as Docker counts them."""
    command = ["docker", "stats", "--no-stream", "--format", "{{json .}}"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    containers = [json.loads(line) for line in told.splitlines()]
    return {str(one["Name"]): _megabytes(str(one["MemUsage"])) for one in containers}


class Watch:
    """Samples sizes in a thread within the block."""

    def __init__(self, sizes: Callable[[], Sizes]) -> None:
        self._sizes = sizes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._samples: list[tuple[float, Sizes]] = []

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def lines(self) -> list[dict[str, object]]:
        """How much each had at first, at last and at most, and how it grew in the second half."""
        names = sorted({name for _, sizes in self._samples for name in sizes})
        return [self._line(name) for name in names]

    def _line(self, name: str) -> dict[str, object]:
        points = [(at, sizes[name]) for at, sizes in self._samples if name in sizes]
        sizes = [size for _, size in points]
        return {
            "memory": name,
            "first_mb": round(sizes[0], 1),
            "last_mb": round(sizes[-1], 1),
            "most_mb": round(max(sizes), 1),
            "growth_mb_per_hour": round(slope(points[len(points) // 2 :]) * 3600, 1),
        }

    def _sample(self) -> None:
        while True:
            self._samples.append((time.monotonic(), self._sizes()))
            if self._over.wait(EVERY_SECONDS):
                return


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the straight line that fits best, 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


def _resident(process: psutil.Process) -> float:
    size = 0
    for one in (process, *process.children(recursive=True)):
        try:
            size += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return size / 1e6


def _megabytes(used: str) -> float:
    found = _SIZE.match(used)
    if found is None:
        raise ValueError(f"not a size: {used}")
    return float(found[1]) * _UNITS[found[2]]
