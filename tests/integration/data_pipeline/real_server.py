"""The service as a process of its own, for tests that kill it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx2

TOKEN = "a-token-for-the-tests"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def server(data_dir: Path) -> Generator[tuple[subprocess.Popen[bytes], httpx2.Client]]:
    port = free_port()
    environment = {
        **os.environ,
        "DATA_DIR": str(data_dir),
        "PORT": str(port),
        "SERVICE_TOKEN": TOKEN,
        "LOG_LEVEL": "WARNING",
    }
    process = subprocess.Popen([sys.executable, "-m", "data_pipeline.main"], env=environment)
    client = httpx2.Client(
        base_url=f"http://127.0.0.1:{port}",
        headers={"authorization": f"Bearer {TOKEN}"},
        timeout=30,
        trust_env=False,
    )
    try:
        wait_until_ready(process, client)
        yield process, client
    finally:
        client.close()
        process.kill()
        process.wait()


def wait_until_ready(process: subprocess.Popen[bytes], client: httpx2.Client) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server has ended"
        try:
            if client.get("/health/ready").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)  # between attempts to connect there is nothing to wait for
    raise AssertionError("the server did not become ready")
