"""The service as a process of its own, for tests that kill it."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from tests.real_processes import free_port, wait_until_ready

TOKEN = "a-token-for-the-tests"


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
        wait_until_ready(client, lambda: process.poll() is None, lambda: "its log is above")
        yield process, client
    finally:
        client.close()
        process.kill()
        process.wait()
