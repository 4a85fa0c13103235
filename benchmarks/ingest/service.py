"""data-pipeline as a process of its own, watched while it takes events in."""

import os
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx2
import psutil
from tests.real_processes import free_port, wait_until_ready

TOKEN: Final = "a-token-for-the-benchmark"
SAMPLE_SECONDS: Final = 0.25


class Service:
    """A running data-pipeline."""

    def __init__(self, process: subprocess.Popen[bytes], client: httpx2.Client) -> None:
        self._process = psutil.Process(process.pid)
        self.client = client

    def cpu_seconds(self) -> float:
        """CPU used so far, user and system."""
        times = self._process.cpu_times()
        return times.user + times.system

    def anonymous_mb(self) -> float:
        """Memory that is no mapped file."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("RssAnon"))
        return int(line.split()[1]) / 1024


class MemoryWatch:
    """Samples the memory of a service while a block runs."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.samples: list[float] = []

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def peaks(self, parts: int) -> list[float]:
        """The highest of each of `parts` equal spans of time, in MiB: level where it is flat."""
        size = max(1, len(self.samples) // parts)
        spans = [self.samples[n : n + size] for n in range(0, size * parts, size)]
        return [round(max(span), 1) for span in spans if span]

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self.samples.append(self._service.anonymous_mb())


@contextmanager
def running(data_dir: Path, **settings: str) -> Generator[Service]:
    """The service, ready, ended with the block."""
    port = free_port()
    environment = {
        **os.environ,
        "DATA_DIR": str(data_dir),
        "PORT": str(port),
        "SERVICE_TOKEN": TOKEN,
        "LOG_FORMAT": "json",
        **settings,
    }
    log = data_dir.parent / "data-pipeline.log"
    with (
        log.open("ab") as output,
        subprocess.Popen(
            [sys.executable, "-m", "data_pipeline.main"],
            env=environment,
            stdout=output,
            stderr=output,
        ) as process,
        httpx2.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"authorization": f"Bearer {TOKEN}"},
            timeout=300,
            trust_env=False,
        ) as client,
    ):
        try:
            wait_until_ready(client, lambda: process.poll() is None, log.read_text)
            yield Service(process, client)
        finally:
            process.terminate()
